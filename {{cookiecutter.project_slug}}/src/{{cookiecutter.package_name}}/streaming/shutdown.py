"""Draining: what happens between SIGTERM and the end of the process.

A server waits for open responses before it runs the lifespan's shutdown, so a stream without an
end would keep the process alive for ever. The signal itself is therefore heard here.
"""

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

from fastapi import HTTPException

from .settings import streaming_settings

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LAST_WORDS_SECONDS = 1


class ShuttingDown(HTTPException):
    """The process is about to end, and a finite stream has not come to its end before."""

    type = "/problems/shutting-down"

    def __init__(self) -> None:
        super().__init__(503, "The process is shutting down; ask for the rest again.")


class Drain:
    """Whether this process is about to stop, and whom to tell when it is.

    Draining begins with the signal: streams without an end should end then. When the grace period
    is over, `check` raises for the finite ones, and a second later `call_last` is called for those
    that have not heard it.
    """

    def __init__(self) -> None:
        self.begun = False
        self._over = False
        self._first: set[Callable[[], None]] = set()
        self._last: set[Callable[[], None]] = set()

    def call(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the event loop when draining begins."""
        self._first.add(callback)

    def call_last(self, callback: Callable[[], None]) -> None:
        """Call `callback` a second after the grace period."""
        self._last.add(callback)

    def forget(self, callback: Callable[[], None]) -> None:
        self._last.discard(callback)

    def check(self) -> None:
        """Raises `ShuttingDown` once the grace period is over."""
        if self._over:
            raise ShuttingDown

    def begin(self) -> None:
        if self.begun:
            return
        self.begun = True
        for callback in self._first:
            callback()
        loop = asyncio.get_running_loop()
        loop.call_later(streaming_settings().shutdown_grace_seconds, self._end)

    def _end(self) -> None:
        self._over = True
        asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self._abort)

    def _abort(self) -> None:
        for callback in tuple(self._last):
            callback()


drain = Drain()


@asynccontextmanager
async def drain_on_signals(app: Any) -> AsyncGenerator[None, None]:
    """A lifespan that begins draining on SIGINT and SIGTERM, and calls the handler that was there."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can hear signals
        return
    loop = asyncio.get_running_loop()
    previous = {number: signal.getsignal(number) for number in SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(drain.begin)
        handler = previous[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
