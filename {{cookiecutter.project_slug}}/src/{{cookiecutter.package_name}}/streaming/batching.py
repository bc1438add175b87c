"""From a source's records to chunks of bytes: few and large when they come fast, at once when not."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing, suppress
from typing import Any

import anyio
import pyarrow as pa
from anyio.to_thread import run_sync

from .delivery import count_records
from .formats import Batch, Encoder
from .problems import describe
from .shutdown import drain
from .threads import iterate_in_thread

CHUNK_BYTES = 64 * 1024
LINGER_SECONDS = 0.02
CLOSE_SECONDS = 5
ROWS_FOR_A_THREAD = 200


def encode_batches(
    source: AsyncGenerator[Any, None] | Iterable[Any], encoder: Encoder
) -> AsyncGenerator[bytes, None]:
    """Encode what a source yields: single records, lists of them, or Arrow record batches.

    Records are Pydantic models, dataclasses, msgspec structs or dicts. Small chunks are joined up
    to 64 KiB, or for 20 ms; large batches are encoded in parts of about that size. The first chunk
    is made of the first thing that is yielded.

    An error before the first chunk is raised with nothing sent; a later one first sends what the
    format has to say of it, and is then raised for the response to abort the connection. The
    source is closed in the end, whatever ends it.
    """
    items = source if isinstance(source, AsyncGenerator) else iterate_in_thread(source)
    return coalesce(_encode(items, encoder))


async def _encode(
    items: AsyncGenerator[Any, None], encoder: Encoder
) -> AsyncGenerator[bytes, None]:
    records = 0
    async with aclosing(items):
        first = await anext(items, None)
        chunks = [] if first is None else [await _run(encoder, part) for part in _parts(first)]
        yield encoder.start() + b"".join(chunks)
        try:
            records += _count(first)
            async for item in items:
                drain.check()
                for part in _parts(item):
                    yield await _run(encoder, part)
                records += _count(item)
        except Exception as error:
            yield encoder.fail(records, describe(error))
            raise
    yield encoder.end(records)


def _parts(item: Any) -> Iterator[Batch]:
    if not isinstance(item, pa.RecordBatch):
        yield item if isinstance(item, list) else [item]
        return
    rows = max(1, CHUNK_BYTES * item.num_rows // max(1, item.nbytes))
    for start in range(0, max(1, item.num_rows), rows):
        yield item.slice(start, rows)


def _count(item: Any) -> int:
    count = len(item) if isinstance(item, (pa.RecordBatch, list)) else int(item is not None)
    count_records(count)
    return count


async def _run(encoder: Encoder, batch: Batch) -> bytes:
    if len(batch) < ROWS_FOR_A_THREAD:
        return encoder.encode(batch)
    return await run_sync(encoder.encode, batch)


async def coalesce(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Join small chunks for as long as more of them come at once.

    They are made in a task of their own, never more than 64 KiB (and one chunk) ahead of the
    reader.
    """
    buffer = _Buffer()
    producer = asyncio.create_task(buffer.fill(chunks))
    try:
        while chunk := await buffer.take():
            yield chunk
        await producer
    finally:
        producer.cancel()
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            await asyncio.gather(producer, return_exceptions=True)


class _Buffer:
    """The bytes between one task that makes them and one that takes them."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._bytes = 0
        self._due = 0.0
        self._now = asyncio.get_running_loop().time
        self._has_some = asyncio.Event()
        self._is_full = asyncio.Event()
        self._has_space = asyncio.Event()
        self._ended = False

    async def fill(self, chunks: AsyncGenerator[bytes, None]) -> None:
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    if chunk:
                        await self._put(chunk)
        finally:
            self._ended = True
            self._has_some.set()
            self._is_full.set()

    async def _put(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._bytes += len(chunk)
        self._has_some.set()
        # A source that never waits must let the other task run when something is due.
        if self._bytes >= CHUNK_BYTES or self._now() >= self._due:
            self._is_full.set()
            self._has_space.clear()
            await self._has_space.wait()

    async def take(self) -> bytes:
        """What there is when it is full or due; nothing once no more can come."""
        await self._has_some.wait()
        if not self._is_full.is_set() and self._now() < self._due:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._due):
                    await self._is_full.wait()
        taken = b"".join(self._chunks)
        self._chunks.clear()
        self._bytes = 0
        self._due = self._now() + LINGER_SECONDS
        if not self._ended:
            self._has_some.clear()
            self._is_full.clear()
            self._has_space.set()
        return taken
