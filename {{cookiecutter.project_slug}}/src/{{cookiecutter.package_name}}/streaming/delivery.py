"""One stream on its way to its client: how long it may take, what it took, and how it ended."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import metrics
from .settings import streaming_settings
from .shutdown import ShuttingDown, drain

CHUNK_BYTES = 64 * 1024
UNSENT_BYTES = 128 * 1024
TRANSPORT = "streaming.transport"

_current: ContextVar["Delivery"] = ContextVar("delivery")


def count_records(count: int) -> None:
    """Add to the records of the stream that the caller makes, if it makes one."""
    if delivery := _current.get(None):
        delivery.figures.count_records(count)


class AbortableConnections:
    """Middleware that lets streams abort their connection; it has to be the outermost.

    ASGI has no message for it, and what uvicorn does where an app fails is to wait until the client
    has read what is buffered. A client that reads nothing would keep its connection for ever.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await self.app(scope, receive, send)


class Delivery:
    """Sends a response with a deadline, and stops making it when its client leaves.

    Each message must be taken within the time that 64 KiB take at `min_bytes_per_second`; a client
    that is slower than that is dropped.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, endless: bool) -> None:
        self.figures = metrics.StreamFigures(scope)
        self._endless = endless
        self._receive = receive
        self._send = send
        self._transport: asyncio.Transport | None = scope.get(TRANSPORT)
        self._seconds = CHUNK_BYTES / streaming_settings().min_bytes_per_second
        self._loop = asyncio.get_running_loop()
        self._cancel_scope = anyio.CancelScope()
        if self._transport is not None:
            _limit_unsent(self._transport)
        self._started = False
        self._finished = False
        self._end: metrics.End | None = None

    async def run(self, respond: Callable[[Send], Awaitable[None]]) -> None:
        """Call `respond` with a `send` of its own."""
        _current.set(self)
        listener = asyncio.create_task(self._listen())
        drain.call_last(self._shut_down)
        try:
            with self._cancel_scope:
                await respond(self.send)
        except asyncio.CancelledError:
            self._end = "shutdown"
            raise
        except ShuttingDown:
            self._end = "shutdown"
            if not self._started:
                raise
            await self._hang_up(listener)
        except Exception:
            self._end = self._end or "error"
            self._abort_later()
            raise
        finally:
            drain.forget(self._shut_down)
            listener.cancel()
            self.figures.close(self._how())

    async def send(self, message: Message) -> None:
        timer = self._loop.call_later(self._seconds, self._drop)
        try:
            await self._send(message)
        finally:
            timer.cancel()
        if message["type"] == "http.response.start":
            self._started = True
            self.figures.open(message["status"])
        else:
            self.figures.count_bytes(len(message.get("body", b"")))
            self._finished = not message.get("more_body", False)

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._end = self._end or "client_left"
        self._cancel_scope.cancel()

    def _drop(self) -> None:
        self._end = "too_slow"
        self._abort()

    def _shut_down(self) -> None:
        self._end = "shutdown"
        self._abort()

    def _abort(self) -> None:
        """End the connection without a word; what is left of the response is cancelled."""
        if self._transport is None:
            self._cancel_scope.cancel()
        else:
            self._transport.abort()

    async def _hang_up(self, listener: asyncio.Task[None]) -> None:
        """End the connection once the client has read what was sent, which is not the whole."""
        if self._transport is not None:
            self._abort_later()
            self._transport.close()
            await asyncio.wait({listener})

    def _abort_later(self) -> None:
        """The client may read why the stream has failed, but not take for ever to do so."""
        if self._transport is not None and self._started:
            self._loop.call_later(self._seconds, self._transport.abort)

    def _how(self) -> metrics.End:
        if self._finished:
            return "shutdown" if self._endless and drain.begun else "complete"
        return self._end or "client_left"


def _limit_unsent(transport: asyncio.Transport) -> None:
    """Let the kernel keep 128 KiB that cannot be sent yet.

    Linux would take up to 4 MiB from each stream that nobody reads (`tcp_wmem`), and all of that
    would be made before anybody notices. What is on its way over a long distance does not count.
    """
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        connection = transport.get_extra_info("socket")
        with suppress(OSError):  # closed meanwhile, or no TCP
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
