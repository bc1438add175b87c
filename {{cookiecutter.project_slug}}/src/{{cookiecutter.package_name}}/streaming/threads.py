"""Iterables that may block, each read in one thread of its own."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from functools import cache
from inspect import isawaitable
from typing import Any

import anyio
from anyio import CapacityLimiter
from fastapi import HTTPException

from .settings import CHUNK_BYTES, streaming_settings

JOIN_SECONDS = 0.02
WAIT_SECONDS = 5
CLOSE_SECONDS = 5


async def iterate_in_thread(
    iterable: Iterable[Any], weigh: Callable[[Any], int]
) -> AsyncGenerator[list[Any], None]:
    """Yield the items of an iterable that may block, in lists of what has come within 20 ms.

    One thread calls `iter`, each `next` and `close`: sqlite3, for one, insists on that. It is ahead
    of the reader by 64 KiB, as `weigh` has it, and one item at most. When the reader leaves while
    the iterable blocks, it is closed once it returns, and its thread counts until then.

    Raises what the iterable raises, and `HTTPException` 503 when as many as
    `STREAMING_BLOCKING_SOURCES` are open and none of them ends within five seconds.
    """
    reader = _Reader(iterable, weigh)
    with anyio.move_on_after(WAIT_SECONDS) as waiting:
        await _threads().acquire_on_behalf_of(reader)
    if waiting.cancelled_caught:
        raise HTTPException(503, "Too many blocking sources are open.", {"Retry-After": "5"})
    threading.Thread(target=copy_context().run, args=(reader.run,), daemon=True).start()
    try:
        while items := await reader.take():
            yield items
    finally:
        with reader.lock:
            reader.left = True
            reader.has_space.notify()
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            await reader.has_ended.wait()


async def close(*iterables: Any) -> None:
    """Close what can be: an iterator, and what it came from, which may hold more than it does."""
    for iterable in iterables:
        end = getattr(iterable, "aclose", None) or getattr(iterable, "close", None)
        if end and isawaitable(ending := end()):
            await ending


@cache
def _threads() -> CapacityLimiter:
    return CapacityLimiter(streaming_settings().blocking_sources)


class _Reader:
    """`run` is the thread's, the rest the event loop's; the lock guards what both change."""

    def __init__(self, iterable: Iterable[Any], weigh: Callable[[Any], int]) -> None:
        self.lock = threading.Lock()
        self.has_space = threading.Condition(self.lock)
        self.has_ended = asyncio.Event()
        self.left = False
        self._iterable = iterable
        self._weigh = weigh
        self._loop = asyncio.get_running_loop()
        self._has_news = asyncio.Event()
        self._items: list[Any] = []
        self._weight = 0
        self._due = 0.0
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            iterator = iter(self._iterable)
            try:
                while not self.left:
                    self._put(next(iterator))
            finally:
                if close := getattr(iterator, "close", None):
                    close()
        except BaseException as error:  # noqa: BLE001 - it is the reader's
            self._error = None if isinstance(error, StopIteration) else error
        with suppress(RuntimeError):  # the loop is closed, and nobody there
            self._loop.call_soon_threadsafe(self._end)

    def _put(self, item: Any) -> None:
        with self.lock:
            self._items.append(item)
            self._weight += self._weigh(item)
            if self._weight >= CHUNK_BYTES or len(self._items) == 1:
                self._loop.call_soon_threadsafe(self._has_news.set)
            while self._weight >= CHUNK_BYTES and not self.left:
                self.has_space.wait()

    def _end(self) -> None:
        _threads().release_on_behalf_of(self)
        self.has_ended.set()
        self._has_news.set()

    async def take(self) -> list[Any]:
        """What there is once it is 64 KiB or due; nothing at the end. Raises what was raised."""
        while not self._is_due():
            self._has_news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._due if self._items else None):
                    await self._has_news.wait()
        with self.lock:
            items, self._items, self._weight = self._items, [], 0
            self.has_space.notify()
        self._due = self._loop.time() + JOIN_SECONDS
        if self._error and not items:
            raise self._error
        return items

    def _is_due(self) -> bool:
        is_late = bool(self._items) and self._loop.time() >= self._due
        return is_late or self._weight >= CHUNK_BYTES or self.has_ended.is_set()
