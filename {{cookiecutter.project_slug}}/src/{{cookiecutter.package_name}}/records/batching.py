"""From a source's records to chunks of bytes: few and large when they come fast, at once when not."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator
from contextlib import aclosing, suppress
from functools import partial
from time import thread_time
from typing import Any

import anyio
import pyarrow as pa
from anyio.to_thread import run_sync
from pydantic import BaseModel

from ..streaming.delivery import count_records
from ..streaming.pools import COMPUTING
from ..streaming.problems import describe
from ..streaming.settings import CHUNK_BYTES
from ..streaming.shutdown import drain
from ..streaming.threads import CLOSE_SECONDS, JOIN_SECONDS, iterate_in_thread
from ..streaming.turns import in_turn
from . import inputs
from .formats import Batch, Encoder

PART_BYTES = CHUNK_BYTES // 2
# What a format does once for some records is done for as many as take so long, within bounds:
# fresh memory can take much longer than what was used before.
MOST_SECONDS = 0.005
MOST_RECORDS = 5_000
MOST_BYTES = 512 * 1024
# What a record weighs at least: as an object it is larger than as bytes.
LEAST_WEIGHT = 64
# One record of so many is looked at: large ones after small ones must not fill the memory.
SAMPLE = 32


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
    compute = partial(run_sync, limiter=COMPUTING) if encoder.in_thread else in_turn
    try:
        async with aclosing(_collect(source, encoding.weigh)) as groups:
            while items := await drain.until_over(anext(groups, None)):
                chunks = encoding.chunks(items)
                while (chunk := await compute(next, chunks, None)) is not None:
                    if chunk:
                        yield chunk
                    drain.check()
        if chunk := await compute(encoding.end):
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
        is_first, self._due = not self._due, self._now() + JOIN_SECONDS
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
        self._together = 0
        self._silent = 0  # records since the last bytes: some formats collect
        self._weight = inputs.WEIGHT
        self._weighed = 0

    def weigh(self, item: Any) -> int:
        """The bytes of an item, more or less: a record is like those before, but for a sample."""
        if inputs.kind_of(type(item)) != "record":
            return inputs.weigh(item, self._weight)
        self._weighed += 1
        if self._weighed % SAMPLE == 0:
            self._weight = max(self._weight, len(repr(item)))
        return self._weight

    def chunks(self, items: list[Any]) -> Iterator[bytes]:
        """The first one is made of the first part; an empty one is a chance to pause."""
        for part in self._parts(items):
            self._made += part
            is_pause = not part and not self._encoder.in_thread
            is_first = part and not self._has_begun
            if is_pause or is_first or len(self._made) >= CHUNK_BYTES:
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
            for part, records in self._encode(batch):
                count_records(records)
                self._records += records
                self._silent += records
                if part and self._silent:
                    self._weight = max(LEAST_WEIGHT, len(part) // self._silent)
                    self._silent = 0
                yield part

    def _encode(self, batch: Batch) -> Iterator[tuple[bytes, int]]:
        """Each part with the count of its records; a batch without a record is a part too."""
        if not len(batch):
            yield self._encoder.encode(batch), 0
        start = 0
        while start < len(batch):
            weight = max(1, self.weigh(batch) // len(batch))
            most = max(1, PART_BYTES // weight)
            # At first, nobody knows how large an object is.
            first = most if isinstance(batch, pa.RecordBatch) else 1
            count = min(self._together or first, max(1, MOST_BYTES // weight))
            together = batch[start : start + count]
            start += len(together)
            began = thread_time()
            if self._model and isinstance(together, list):
                together = inputs.plain(together, self._model)
            for index, part in enumerate(self._encoder.encode_parts(together, most)):
                if index == 0:
                    self._together = _in_time(together, thread_time() - began)
                yield part, min(most, len(together) - index * most)


def _in_time(together: Batch, seconds: float) -> int:
    """How many records to prepare together, by how long it took for these.

    Arrow data takes next to nothing, and is divided by its size alone: so a file of batches has the
    same bytes each time.
    """
    if isinstance(together, pa.RecordBatch):
        return MOST_RECORDS
    return max(1, min(int(len(together) * MOST_SECONDS / max(seconds, 1e-6)), MOST_RECORDS))


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
