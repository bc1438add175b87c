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

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Drain:
    """Whether this process is about to stop, and whom to tell when it is."""

    def __init__(self) -> None:
        self.begun = False
        self._callbacks: list[Callable[[], None]] = []

    def call(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the event loop when draining begins."""
        self._callbacks.append(callback)

    def begin(self) -> None:
        self.begun = True
        for callback in self._callbacks:
            callback()
        self._callbacks.clear()


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
