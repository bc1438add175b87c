"""The way down: what happens between SIGTERM and the end of the process.

A server waits for open responses before it runs the lifespan's shutdown, so a stream without an
end would keep the process alive for ever. The signal itself is therefore heard here.
"""

import asyncio
import multiprocessing
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from functools import partial
from types import FrameType
from typing import Any, TypeVar

from fastapi import HTTPException

from .settings import streaming_settings

SERVER = f"{__package__}.server"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
LAST_WORDS_SECONDS = 1

T = TypeVar("T")


class ShuttingDown(HTTPException):
    """The process is about to end, and a finite stream has not come to its end before."""

    type = "/problems/shutting-down"

    def __init__(self) -> None:
        super().__init__(503, "The process is shutting down; ask for the rest again.")


class Stage(IntEnum):
    SERVING = 0
    LEAVING = 1  # not ready, so that proxies go elsewhere; who comes all the same is served
    DRAINING = 2  # nobody new is let in; streams without an end should end
    OVER = 3  # the grace period is over: finite streams should end as well
    ENDING = 4  # who has not heard is cut off


class Drain:
    """How far this process is on its way down, and whom to call at each stage."""

    def __init__(self) -> None:
        self.stage = Stage.SERVING
        self._callbacks: defaultdict[Stage, dict[object, Callable[[], None]]] = defaultdict(dict)

    @property
    def begun(self) -> bool:
        return self.stage >= Stage.DRAINING

    def call(
        self, callback: Callable[[], None], stage: Stage = Stage.DRAINING
    ) -> Callable[[], object]:
        """Call `callback` in the event loop once `stage` is reached; returns what undoes that."""
        key, callbacks = object(), self._callbacks[stage]
        callbacks[key] = callback
        if self.stage >= stage:
            asyncio.get_running_loop().call_soon(callback)
        return partial(callbacks.pop, key, None)

    def check(self) -> None:
        """Raises `ShuttingDown` once the grace period is over."""
        if self.stage >= Stage.OVER:
            raise ShuttingDown

    async def until_over(self, awaitable: Awaitable[T]) -> T:
        """What is awaited, and cancelled when the grace period ends. Raises `ShuttingDown` then."""
        self.check()
        limit = asyncio.timeout(None)
        forget = self.call(lambda: limit.reschedule(0), Stage.OVER)
        try:
            async with limit:
                return await awaitable
        except TimeoutError:
            self.check()
            raise
        finally:
            forget()

    def reach(self, stage: Stage) -> None:
        if stage > self.stage:
            self.stage = stage
            for callback in tuple(self._callbacks[stage].values()):
                callback()

    def begin(self) -> None:
        if self.begun:
            return
        self.reach(Stage.DRAINING)
        loop, seconds = asyncio.get_running_loop(), streaming_settings().shutdown_grace_seconds
        loop.call_later(seconds, self.reach, Stage.OVER)
        loop.call_later(seconds + LAST_WORDS_SECONDS, self.reach, Stage.ENDING)


drain = Drain()
_handlers: dict[int, Any] = {}


@asynccontextmanager
async def drain_on_signals(app: Any) -> AsyncGenerator[None, None]:
    """A lifespan that hears SIGINT and SIGTERM before the server does.

    After SIGTERM the server is not told to stop before `STREAMING_DRAIN_DELAY_SECONDS` are over;
    who presses Ctrl-C at a terminal need not wait. A second signal ends the process at once.
    """
    if threading.current_thread() is not threading.main_thread() or _handlers:
        yield  # only the main thread hears signals, and once is enough
        return
    loop = asyncio.get_running_loop()
    _handlers.update((number, signal.getsignal(number)) for number in SIGNALS)
    heard: int = signal.SIGTERM
    has_heard = False

    def stop(number: int) -> None:
        drain.begin()
        if callable(_handlers[number]):
            _handlers[number](number, None)

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal has_heard, heard
        if not has_heard:
            has_heard, heard = True, number
            is_patient = number == signal.SIGTERM and SERVER in sys.modules
            delay = streaming_settings().drain_delay_seconds if is_patient else 0
            loop.call_soon_threadsafe(drain.reach, Stage.LEAVING)
            loop.call_soon_threadsafe(loop.call_later, delay, stop, number)
        elif multiprocessing.parent_process() is None:  # a worker hears what its parent hears, too
            _end(number)

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    except ShuttingDown:  # of what had still to start; a server would make it a traceback
        _end(heard)
    finally:
        for number, handler in _handlers.items():
            signal.signal(number, handler)
        _handlers.clear()


def _end(number: int) -> None:
    """End the process as the signal does where nobody hears it."""
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
