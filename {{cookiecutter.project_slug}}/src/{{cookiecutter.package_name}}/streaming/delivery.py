"""One stream on its way to its client: how long it may take, what it took, and how it ended."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

import anyio
from fastapi import HTTPException
from starlette.types import Message, Receive, Scope, Send

from . import metrics
from .detached import DetachedStream
from .files import ZERO_COPY
from .limits import admit
from .patience import Patience
from .settings import CONNECTION
from .shutdown import ShuttingDown, Stage, drain
from .turns import take_turn

if TYPE_CHECKING:
    from .server import Connection

logger = logging.getLogger(__name__)
_current: ContextVar["Delivery"] = ContextVar("delivery")


def end_of_body() -> Message:
    """A message of its own each time: middleware such as Starlette's gzip writes into it."""
    return {"type": "http.response.body"}


def count_records(count: int) -> None:
    """Add to the records of the stream that the caller makes, if it makes one."""
    if delivery := _current.get(None):
        delivery.figures.count_records(count)


class Delivery:
    """Sends a response, and stops making it when its client leaves or is too slow."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, endless: bool) -> None:
        self.figures = metrics.StreamFigures(scope)
        self._scope = scope
        self._endless = endless
        self._receive = receive
        self._send = send
        self._send_body = send
        extensions = scope.get("extensions") or {}
        self._connection: Connection | None = extensions.get(CONNECTION)
        self._sent = 0
        self._patience = Patience(self._count_taken, partial(self._abort, "too_slow"))
        self._cancel_scope = anyio.CancelScope()
        self._started = False
        self._finished = False
        self._detached: DetachedStream | None = None
        self._end: metrics.End | None = None

    async def run(self, respond: Callable[[Send], Awaitable[None]]) -> None:
        """Call `respond` with a `send` of its own, if there may be another stream."""
        self._leave = admit(self._scope)
        try:
            await self._run(respond)
        finally:
            if self._detached is None:
                self._leave()

    async def _run(self, respond: Callable[[Send], Awaitable[None]]) -> None:
        _current.set(self)
        listener = asyncio.create_task(self._listen())
        undo = [
            drain.call(self._hand_over, Stage.OVER),
            drain.call(partial(self._abort, "shutdown"), Stage.ENDING),
        ]
        try:
            with self._cancel_scope:
                await respond(self.send)
            if self._detached is not None:
                await self._send(end_of_body())  # for what measures it: the server ignores it
            elif self._end == "client_left":
                await self._finish_unheard()
        except asyncio.CancelledError:
            self._end = "shutdown"
            raise
        except ShuttingDown:
            self._end = "shutdown"
            if not self._started:
                raise
            self._close()
        except HTTPException as error:  # no fault of the service
            self._end = self._end or "error"
            if not self._started or self._connection is None:
                raise
            logger.warning("%r ends too early: %s", self._scope["path"], error.detail)
            self._close()
        except Exception:
            self._end = self._end or "error"
            if self._started:
                self._close()
            raise
        finally:
            for forget in undo:
                forget()
            listener.cancel()
            if self._detached is None:
                self.figures.close(self._how())

    async def go_direct(self, size: int) -> bool:
        """Whether the server takes the `size` bytes of the body from here, and can send files.

        From then on `send` takes ASGI's `http.response.zerocopysend` as well. What wraps `send`
        sees the start and the end; where it has changed the head, the body has to pass it.
        """
        direct = await self._connection.send_directly(size) if self._connection else None
        self._send_body = direct or self._send
        return direct is not None

    async def send(self, message: Message) -> None:
        has_more = message.get("more_body", False)
        if self._endless and self._connection is not None:
            self._connection.expected = message.get("body")
        with self._patience:
            await (self._send_body if has_more else self._send)(message)
        if message["type"] == "http.response.start":
            self._started = True
            self.figures.open(message["status"])
        else:
            size = (
                message["count"] if message["type"] == ZERO_COPY else len(message.get("body", b""))
            )
            self._sent += size
            self.figures.count_bytes(size)
            self._finished = not has_more

    def detach(self) -> DetachedStream | None:
        """Let the endpoint return, and its stream go on.

        `None` where that cannot be: with another server, and where something on the way holds back
        or changes what is sent.
        """
        if self._connection is None or not self._connection.can_detach:
            return None
        self._detached = DetachedStream(self._connection, self.figures, self._leave)
        self._connection.detach(self._detached)
        return self._detached

    async def receive(self) -> Message:
        """Wait until the response is cancelled: it is the `Delivery` that listens.

        Where two listen to one request, granian fails for one of them.
        """
        return await asyncio.get_running_loop().create_future()

    async def _listen(self) -> None:
        # Where the request itself fails, as one whose body is too large, nobody would say any more
        # that the client has left.
        with suppress(Exception):
            while (await self._receive())["type"] != "http.disconnect":
                pass
        self._end = self._end or "client_left"
        await take_turn()  # thousands may leave at once
        self._cancel_scope.cancel()

    async def _finish_unheard(self) -> None:
        """Tell what measures this response that it is over, and that nothing has failed.

        Telemetry takes a response without an end for an error. The client has left: only our server
        adapter is known to let such messages go nowhere. 499 is nginx's status for this case.
        """
        if self._connection is not None and not self._finished:
            if not self._started:
                await self._send({"type": "http.response.start", "status": 499})
            await self._send(end_of_body())

    def _count_taken(self) -> int:
        return (self._connection.count_taken() if self._connection else 0) or self._sent

    def _hand_over(self) -> None:
        """A slow reader is to get the last words, which come behind what waits for it already."""
        if self._connection is not None:
            self._connection.hand_over()

    def _abort(self, end: metrics.End) -> None:
        """End the connection without a word; what is left of the response is cancelled."""
        self._end = end
        if self._connection is None:
            self._cancel_scope.cancel()
        else:
            self._connection.abort()

    def _close(self) -> None:
        """Let the client read why the stream is not whole, but not take for ever to do so."""
        if self._connection is not None:
            self._connection.close()

    def _how(self) -> metrics.End:
        if self._finished:
            return "shutdown" if self._endless and drain.begun else "complete"
        return self._end or "client_left"
