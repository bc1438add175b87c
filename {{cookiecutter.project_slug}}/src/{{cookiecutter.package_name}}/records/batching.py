"""From a source's records to chunks of bytes: few and large when they come fast, at once when not."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator
from contextlib import aclosing, suppress
from typing import Any

import anyio
import pyarrow as pa
from pydantic import BaseModel

from ..streaming.delivery import count_records
from ..streaming.problems import describe
from ..streaming.settings import CHUNK_BYTES
from ..streaming.shutdown import drain
from ..streaming.threads import CLOSE_SECONDS, LINGER_SECONDS, iterate_in_thread
from . import inputs
from .formats import Batch, Encoder

PART_BYTES = CHUNK_BYTES // 2
# So that the first bytes do not wait for a whole batch.
FIRST_RECORDS = 100
# What a format does once for a batch takes a millisecond or two for so many.
RECORDS_TOGETHER = 5_000
# What a record weighs at least: as an object it is larger than as bytes.
LEAST_WEIGHT = 64


async def encode_batches(
    source: Any, encoder: Encoder, *, model: type[BaseModel] | None = None
) -> AsyncGenerator[bytes, None]:
    """Encode what a source yields, in chunks of about 64 KiB.

    A source is an iterable, asynchronous or not, of records, of lists of them or of Arrow data, or
    Arrow data itself; `inputs.plain` says what a record is, and what `model` is for. A source that
    is not asynchronous is read in a thread. What is small is joined up to 64 KiB, or for 20 ms;
    what is large is encoded in parts of half of that. The first chunk is made of the first thing
    that is yielded. The source is ahead of the reader by 64 KiB and one thing at most.

    Raises what the source and the format raise, and `TypeError` with the type of what is no source
    or no record: before the first chunk with nothing sent; later, the last chunk is what the format
    has to say of it, and the response aborts the connection. In the end the source is closed,
    whatever ends it.
    """
    encoding = _Encoding(encoder, model)
    try:
        async with aclosing(_collect(source, encoding.weigh)) as groups:
            while items := await drain.until_over(anext(groups, None)):
                for chunk in encoding.chunks(items):
                    if chunk:
                        yield chunk
                    else:
                        await asyncio.sleep(0)
                    drain.check()
        if chunk := encoding.end():
            yield chunk
    except Exception as error:
        if chunk := encoding.fail(error):
            yield chunk
        raise


def _collect(source: Any, weigh: Callable[[Any], int]) -> AsyncGenerator[list[Any], None]:
    """What a source yields, in lists of what has come within 20 ms or weighs 64 KiB."""
    if isinstance(source, AsyncIterable):
        return _collect_async(inputs.read_items(source), weigh)
    inputs.check_source(source)
    return iterate_in_thread(inputs.flatten(source), weigh)


async def _collect_async(
    source: AsyncGenerator[Any, None], weigh: Callable[[Any], int]
) -> AsyncGenerator[list[Any], None]:
    bucket = _Bucket(weigh)
    filling = asyncio.create_task(bucket.fill(source))
    try:
        while items := await bucket.take():
            yield items
        await filling
    finally:
        filling.cancel()
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            await asyncio.gather(filling, return_exceptions=True)


class _Bucket:
    """What lies between a task that fills it and one that takes all of it."""

    def __init__(self, weigh: Callable[[Any], int]) -> None:
        self._weigh = weigh
        self._items: list[Any] = []
        self._weight = 0
        self._due = 0.0
        self._now = asyncio.get_running_loop().time
        self._has_ended = False
        self._has_some = asyncio.Event()
        self._is_full = asyncio.Event()
        self._has_space = asyncio.Event()

    async def fill(self, source: AsyncGenerator[Any, None]) -> None:
        try:
            async with aclosing(source):
                async for item in source:
                    if not self._items:
                        self._has_some.set()
                    self._items.append(item)
                    self._weight += self._weigh(item)
                    # A source that never waits would otherwise let nobody take what is due.
                    if self._weight >= CHUNK_BYTES or self._now() >= self._due:
                        self._is_full.set()
                        self._has_space.clear()
                        await self._has_space.wait()
        finally:
            self._has_ended = True
            self._has_some.set()
            self._is_full.set()

    async def take(self) -> list[Any]:
        """What there is once it is full or due; nothing once no more can come."""
        self._has_space.set()
        await self._has_some.wait()
        if not self._is_full.is_set() and self._now() < self._due:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._due):
                    await self._is_full.wait()
        taken, self._items = self._items, []
        weight, self._weight = self._weight, 0
        is_first, self._due = not self._due, self._now() + LINGER_SECONDS
        if not self._has_ended:
            self._has_some.clear()
            self._is_full.clear()
        if weight < 2 * CHUNK_BYTES and not is_first:
            self._has_space.set()  # the next ones are made while these are encoded and sent
        return taken


class _Encoding:
    """An encoder at work: `chunks` for each list of items, then `end` or `fail`."""

    def __init__(self, encoder: Encoder, model: type[BaseModel] | None) -> None:
        self._encoder = encoder
        self._model = model
        self._start = encoder.start()
        self._has_begun = False
        self._made = b""
        self._records = 0
        self._bytes = 0
        self._weight = inputs.WEIGHT

    def weigh(self, item: Any) -> int:
        is_record = inputs.kind_of(type(item)) == "record"
        return self._weight if is_record else inputs.weigh(item, self._weight)

    def chunks(self, items: list[Any]) -> Iterator[bytes]:
        """The first one is made of the first part; an empty one is a chance to pause."""
        for part in self._parts(items):
            self._made += part
            if not self._has_begun or not part or len(self._made) >= CHUNK_BYTES:
                yield self._take()
        yield self._take()

    def end(self) -> bytes:
        self._made += self._encoder.end(self._records)
        return self._take()

    def fail(self, error: Exception) -> bytes:
        if self._has_begun:
            self._made += self._encoder.fail(self._records, describe(error))
        return self._take() if self._has_begun else b""

    def _take(self) -> bytes:
        taken, self._made = self._made, b""
        if taken and not self._has_begun:
            self._has_begun = True
            return self._start + taken
        return taken

    def _parts(self, items: list[Any]) -> Iterator[bytes]:
        for batch in _runs(items):
            is_list = self._model and isinstance(batch, list)
            for part, records in self._encode(
                inputs.plain(batch, self._model) if is_list else batch
            ):
                count_records(records)
                self._records += records
                self._bytes += len(part)
                if self._bytes and self._records:
                    self._weight = max(LEAST_WEIGHT, self._bytes // self._records)
                yield part

    def _encode(self, batch: Batch) -> Iterator[tuple[bytes, int]]:
        """Each part with the count of its records; a batch without a record is a part too."""
        beginning = batch[: 0 if self._records else FIRST_RECORDS]
        if len(beginning) or not len(batch):
            yield self._encoder.encode(beginning), len(beginning)
        for start in range(len(beginning), len(batch), RECORDS_TOGETHER):
            together = batch[start : start + RECORDS_TOGETHER]
            most = max(1, PART_BYTES * len(together) // max(1, self.weigh(together)))
            for index, part in enumerate(self._encoder.encode_parts(together, most)):
                yield part, min(most, len(together) - index * most)


def _runs(items: list[Any]) -> Iterator[Batch]:
    """The batches as they are, and between them the records of lists and single ones together."""
    if {*map(inputs.kind_of, {*map(type, items)})} == {"record"}:
        yield items
        return
    records: list[Any] = []
    for item in items:
        if isinstance(item, list) and item:
            records += item
        elif isinstance(item, (pa.RecordBatch, list)):
            if records:
                yield records
                records = []
            yield item
        else:
            records.append(item)
    if records:
        yield records
