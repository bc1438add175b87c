"""From a source to lists of what has come together, ahead of their reader by 64 KiB at most."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing, suppress
from time import monotonic
from typing import Any

import anyio

from ..streaming.settings import CHUNK_BYTES
from ..streaming.threads import CLOSE_SECONDS, JOIN_SECONDS, close, iterate_in_thread
from . import inputs

# One record of so many is looked at: large ones after small ones must not fill the memory.
SAMPLE = 32


class Scales:
    """What items weigh in bytes, more or less: a record is like those that were encoded."""

    def __init__(self) -> None:
        self.record = inputs.WEIGHT
        self.record_type: type | None = None  # of the last one
        self._weighed = 0

    def weigh(self, item: Any) -> int:
        item_type = type(item)
        if item_type is not self.record_type:
            if inputs.kind_of(item_type) != "record":
                return inputs.weigh(item, self.record)
            self.record_type = item_type
        self._weighed += 1
        if self._weighed % SAMPLE == 0:
            self.record = max(self.record, len(repr(item)))
        return self.record


def collect(source: Any, scales: Scales) -> AsyncGenerator[list[Any], None]:
    """Yield what a source yields, in lists of what has come within 20 ms or weighs 64 KiB."""
    inputs.check_source(source)
    if isinstance(source, AsyncIterable):
        return _collect_async(source, scales)
    return iterate_in_thread(inputs.flatten(source), scales.weigh)


async def _collect_async(
    source: AsyncIterable[Any], scales: Scales
) -> AsyncGenerator[list[Any], None]:
    bucket = _Bucket(scales)
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

    def __init__(self, scales: Scales) -> None:
        self._scales = scales
        self._items: list[Any] = []
        self._weight = 0
        self._due = 0.0
        self._has_ended = False
        self._has_some = asyncio.Event()
        self._is_full = asyncio.Event()
        self._has_space = asyncio.Event()

    async def fill(self, source: AsyncIterable[Any]) -> None:
        try:
            await self._fill(source)
        except (KeyboardInterrupt, SystemExit) as error:  # a task would end the service with them
            raise inputs.source_failed(error) from error
        finally:
            self._has_ended = True
            self._has_some.set()
            self._is_full.set()

    async def _fill(self, source: AsyncIterable[Any]) -> None:
        iterator = aiter(source)
        try:
            async for item in iterator:
                is_known = type(item) is self._scales.record_type
                if not is_known and inputs.kind_of(type(item)) == "arrow":
                    async with aclosing(inputs.read_items(item)) as batches:
                        async for batch in batches:
                            if self._put(batch):
                                await self._has_space.wait()
                elif self._put(item):
                    await self._has_space.wait()
        finally:
            await close(iterator, source)

    def _put(self, item: Any) -> bool:
        """Whether nothing more has space."""
        if not self._items:
            self._has_some.set()
        self._items.append(item)
        self._weight += self._scales.weigh(item)
        # A source that never waits would otherwise let nobody take what is due.
        if self._weight < CHUNK_BYTES and monotonic() < self._due:
            return False
        self._is_full.set()
        self._has_space.clear()
        return True

    async def take(self) -> list[Any]:
        """What there is once it is full or due; nothing once no more can come."""
        self._has_space.set()
        await self._has_some.wait()
        if not self._is_full.is_set() and monotonic() < self._due:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._due - monotonic()):
                    await self._is_full.wait()
        taken, self._items = self._items, []
        weight, self._weight = self._weight, 0
        is_first, self._due = not self._due, monotonic() + JOIN_SECONDS
        if not self._has_ended:
            self._has_some.clear()
            self._is_full.clear()
        if weight < 2 * CHUNK_BYTES and not is_first:
            self._has_space.set()  # the next ones are made while these are encoded and sent
        return taken
