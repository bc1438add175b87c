"""From a source's records to chunks of bytes: few and large when they come fast, at once when not."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing, suppress
from typing import Any

import anyio
import pyarrow as pa

from ..streaming.delivery import count_records
from ..streaming.problems import describe
from ..streaming.shutdown import drain
from ..streaming.threads import iterate_in_thread
from .formats import Batch, Encoder

CHUNK_BYTES = 64 * 1024
PART_BYTES = CHUNK_BYTES // 2
LINGER_SECONDS = 0.02
CLOSE_SECONDS = 5
# So that the first bytes do not wait for a whole batch.
FIRST_RECORDS = 100
# What a format does once for a batch takes a millisecond or two for so many.
RECORDS_TOGETHER = 5_000


async def encode_batches(
    source: AsyncGenerator[Any, None] | Iterable[Any], encoder: Encoder
) -> AsyncGenerator[bytes, None]:
    """Encode what a source yields: single records, lists of them, or Arrow record batches.

    Records are Pydantic models, dataclasses, msgspec structs or dicts. What is small is joined up
    to 64 KiB, or for 20 ms; large batches are encoded in parts of about half of that. The first
    chunk is made of the first thing that is yielded. All is made in a task of its own, never more
    than 64 KiB (and one part) ahead of the reader.

    An error before the first chunk is raised with nothing sent; a later one first sends what the
    format has to say of it, and is then raised for the response to abort the connection. The
    source is closed in the end, whatever ends it.
    """
    items = source if isinstance(source, AsyncGenerator) else iterate_in_thread(source)
    buffer = _Buffer()
    producer = asyncio.create_task(_produce(items, encoder, buffer))
    try:
        while chunk := await buffer.take():
            yield chunk
        await producer
    finally:
        producer.cancel()
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            await asyncio.gather(producer, return_exceptions=True)


async def _produce(items: AsyncGenerator[Any, None], encoder: Encoder, buffer: "_Buffer") -> None:
    try:
        async with aclosing(items):
            await _encode(items, encoder, buffer)
    finally:
        buffer.end()


async def _encode(items: AsyncGenerator[Any, None], encoder: Encoder, buffer: "_Buffer") -> None:
    records = 0
    beginning = encoder.start()
    try:
        async for item in items:
            if isinstance(item, (pa.RecordBatch, list)):
                for part, count in _encode_parts(encoder, item, is_first=not records):
                    is_due = bool(part) and buffer.add(beginning + part)
                    beginning = b"" if part else beginning
                    records += count
                    if is_due:
                        await buffer.wait_for_space(records)
            else:
                is_due = buffer.add(beginning + encoder.encode_record(item))
                beginning = b""
                records += 1
                if is_due:
                    await buffer.wait_for_space(records)
        buffer.add(beginning + encoder.end(records))
    except Exception as error:
        if buffer.has_begun:
            buffer.add(encoder.fail(records, describe(error)))
        raise
    finally:
        buffer.count(records)


def _encode_parts(encoder: Encoder, batch: Batch, *, is_first: bool) -> Iterator[tuple[bytes, int]]:
    """Each part with the count of its records; a batch without a record is a part too."""
    beginning = batch[: FIRST_RECORDS if is_first else 0]
    if is_first or not len(batch):
        yield encoder.encode(beginning), len(beginning)
    for start in range(len(beginning), len(batch), RECORDS_TOGETHER):
        together = batch[start : start + RECORDS_TOGETHER]
        most = _records_of_a_part(together)
        for index, part in enumerate(encoder.encode_parts(together, most)):
            yield part, min(most, len(together) - index * most)


def _records_of_a_part(batch: Batch) -> int:
    if not isinstance(batch, pa.RecordBatch):
        return FIRST_RECORDS
    return max(1, PART_BYTES * batch.num_rows // max(1, batch.nbytes))


class _Buffer:
    """The bytes between a task that makes them and one that takes them."""

    def __init__(self) -> None:
        self.has_begun = False
        self._chunks: list[bytes] = []
        self._bytes = 0
        self._records = 0
        self._due = 0.0
        self._now = asyncio.get_running_loop().time
        self._ended = False
        self._has_some = asyncio.Event()
        self._is_full = asyncio.Event()
        self._has_space = asyncio.Event()

    def add(self, chunk: bytes) -> bool:
        """Returns whether the buffer is full or due: then wait until it has space."""
        if not chunk:
            return False
        self.has_begun = True
        self._chunks.append(chunk)
        self._bytes += len(chunk)
        if len(self._chunks) == 1:
            self._has_some.set()
        # A source that never waits would otherwise let nobody take what is due.
        return self._bytes >= CHUNK_BYTES or self._now() >= self._due

    async def wait_for_space(self, records: int) -> None:
        """Raises `ShuttingDown`. `records` is the count of all that were added."""
        self.count(records)
        self._is_full.set()
        self._has_space.clear()
        await self._has_space.wait()
        drain.check()

    def count(self, records: int) -> None:
        count_records(records - self._records)
        self._records = records

    def end(self) -> None:
        self._ended = True
        self._has_some.set()
        self._is_full.set()

    async def take(self) -> bytes:
        """What there is once it is full or due; nothing once no more can come."""
        self._has_space.set()
        await self._has_some.wait()
        if not self._is_full.is_set() and self._now() < self._due:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._due):
                    await self._is_full.wait()
        taken = b"".join(self._chunks)
        self._chunks.clear()
        self._bytes = 0
        is_first, self._due = not self._due, self._now() + LINGER_SECONDS
        if not self._ended:
            self._has_some.clear()
            self._is_full.clear()
        if len(taken) < 2 * CHUNK_BYTES and not is_first:
            self._has_space.set()  # the next one is made while this one is sent
        return taken
