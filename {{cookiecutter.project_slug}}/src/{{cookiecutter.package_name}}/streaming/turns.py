"""Turns for what computes in the event loop, so that it goes round whatever is asked of it.

The start of a request takes a millisecond, encoding a chunk some more. Without turns, a thousand
streams would do that one after the other before the loop looks at its sockets again.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from starlette.types import ASGIApp, Receive, Scope, Send

Result = TypeVar("Result")

ROUND_SECONDS = 0.005
# uvloop takes one connection from the listener in each round of the loop, and tells of it in the
# next: rounds without a turn let in who waits there. The most in a row leave some for streams.
ROUNDS_TO_LET_IN = 3
MOST_ROUNDS_TO_LET_IN = 200
# Who watches the service does not wait for those who use it.
WITHOUT_TURN = frozenset({"/healthz", "/readyz", "/metrics"})


async def take_turn() -> None:
    """Wait for a turn, which lasts until the caller awaits anything; first come, first served."""
    loop = asyncio.get_running_loop()
    if loop not in _turns:
        _turns[loop] = _Turns()
    await _turns[loop].take(loop)


async def in_turn(function: Callable[..., Result], *arguments: Any) -> Result:
    await take_turn()
    return function(*arguments)


def let_in(loop: asyncio.AbstractEventLoop) -> None:
    """Say that a connection was made: others may wait behind it."""
    if turns := _turns.get(loop):
        turns.rounds_to_let_in = ROUNDS_TO_LET_IN


class TurnMiddleware:
    """Lets each request start in turn."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if path not in WITHOUT_TURN:
                await take_turn()
        await self.app(scope, receive, send)


class _Turns:
    """As many in each round of the loop as fit in 5 ms; one, while there are others who wait."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._until: float | None = None
        self.rounds_to_let_in = 0
        self._let_in = 0

    async def take(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._until is None:
            self._begin_round(loop)
        elif self._waiting or loop.time() >= self._until:
            turn = loop.create_future()
            self._waiting.append(turn)
            await turn

    def _begin_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._until = loop.time() + ROUND_SECONDS
        loop.call_soon(self._end_round, loop)

    def _end_round(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting and self.rounds_to_let_in and self._let_in < MOST_ROUNDS_TO_LET_IN:
            self.rounds_to_let_in -= 1
            self._let_in += 1
            loop.call_soon(self._end_round, loop)
            return
        self._until = None
        self._let_in = 0
        while self._waiting and self._until is None:
            turn = self._waiting.popleft()
            if not turn.done():  # nobody waits for one that is cancelled
                turn.set_result(None)
                self._begin_round(loop)


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = WeakKeyDictionary()
