import asyncio
import time
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import anyio
from anyio.to_thread import run_sync

AT_ONCE = 1_000
LINGER_SECONDS = 0.02
CLOSE_SECONDS = 5


async def iterate_in_thread(iterable: Iterable[Any]) -> AsyncGenerator[Any, None]:
    """Yield the items of an iterable that may block, without a change of threads for each.

    A thread takes items for 20 ms at a time. What it has is yielded although the next item is
    still awaited. When the reader leaves, the iterable is asked for nothing more and closed.
    """
    reader = _Reader(iterable)
    taking: asyncio.Future[None] | None = None
    try:
        while not reader.exhausted:
            taking = asyncio.ensure_future(run_sync(reader.take, abandon_on_cancel=True))
            while not taking.done():
                await asyncio.wait({taking}, timeout=LINGER_SECONDS)
                for item in reader.taken():
                    yield item
            await taking
    finally:
        reader.left = True
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            if taking:
                await asyncio.wait({taking})
            await run_sync(reader.close)


class _Reader:
    """`take` runs in a thread, all else in the event loop; the list is all that they share."""

    def __init__(self, iterable: Iterable[Any]) -> None:
        self._iterator = iter(iterable)
        self._items: list[Any] = []
        self._until = 0.0
        self.exhausted = False
        self.left = False

    def take(self) -> None:
        for item in self._iterator:
            self._items.append(item)
            if self.left or len(self._items) >= AT_ONCE or time.monotonic() >= self._until:
                self._until = time.monotonic() + LINGER_SECONDS
                return
        self.exhausted = True

    def taken(self) -> list[Any]:
        count = len(self._items)
        items = self._items[:count]
        del self._items[:count]
        return items

    def close(self) -> None:
        if close := getattr(self._iterator, "close", None):
            close()
