"""The server adapter: what uvicorn can do and ASGI has no word for.

No other file touches a server's internals. `python -m` gives `Connection` to uvicorn, as
`uvicorn --http PACKAGE.streaming.server:Connection` does; an app finds it in the scope, as
`scope["extensions"]["streaming.connection"]`.
"""

import asyncio
import os
import socket
import struct
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .delivery import CONNECTION
from .settings import streaming_settings

UNSENT_BYTES = 128 * 1024
# What `struct linger` holds differs between systems; this is: on, for no time.
LINGER_NOT = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


def configure(app: str, **options: Any) -> uvicorn.Config:
    """How uvicorn serves `app` with this adapter."""
    return uvicorn.Config(app, http=Connection, **options)


class Connection(HttpToolsProtocol):
    """One connection, which the app that answers on it may end."""

    _answer: RequestResponseCycle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Linux would take up to 4 MiB from each stream that nobody reads (`tcp_wmem`), and all of
        # that would be made before anybody notices. What is on its way over a long distance does
        # not count.
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            self._set_option(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._silence()

    def abort(self) -> None:
        """End the connection at once; the client sees a reset, and the kernel keeps nothing."""
        self._silence()
        self._set_option(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.transport.abort()

    def close(self) -> None:
        """End the connection once the client has read what was sent, if it does so in time."""
        self._silence()
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(streaming_settings().chunk_seconds, self.abort)

    def _silence(self) -> None:
        """Tell the app that its client has left; what it sends from now on goes nowhere.

        uvicorn tells the last request of a pipeline only, and sends what comes before the end of
        a connection that closes.
        """
        if self._answer is not None and not self._answer.response_complete:
            self._answer.disconnected = True
            self._answer.message_event.set()

    def _set_option(self, level: int, option: int, value: int | bytes) -> None:
        with suppress(OSError):  # closed meanwhile, or no TCP
            self.transport.get_extra_info("socket").setsockopt(level, option, value)

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: self}

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self.close()

    @override
    def timeout_keep_alive_handler(self) -> None:
        self.close()

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answer = cycle
        if cycle.scope["http_version"] == "1.0":
            app = _close_delimited(app, cycle)
        super()._start_asgi_task(cycle, app)


def _close_delimited(app: ASGIApp, cycle: RequestResponseCycle) -> Any:
    """Let the end of the connection be the end of a body without a length.

    uvicorn would send chunks, which HTTP/1.0 does not know (RFC 9112, section 6.1).
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        has_length = False

        async def send_plain(message: Message) -> None:
            nonlocal has_length
            if message["type"] == "http.response.start":
                has_length = "content-length" in Headers(raw=message.get("headers", []))
                if not has_length:
                    cycle.chunked_encoding = False
            elif not has_length:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_plain)

    return answer
