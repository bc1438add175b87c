"""The server adapter: what uvicorn can do and ASGI has no word for, and limits at the door.

No other file touches a server's internals. `python -m` gives `Connection` to uvicorn, as
`uvicorn --http PACKAGE.streaming.server:Connection` does; an app finds it in the scope, as
`scope["extensions"]["streaming.connection"]`.
"""

import asyncio
import json
import os
import re
import signal
import socket
import struct
import sys
from contextlib import suppress
from enum import Enum
from http import HTTPStatus
from typing import Any, ClassVar

import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.supervisors import Multiprocess

from .delivery import CONNECTION
from .settings import streaming_settings

UNSENT_BYTES = 128 * 1024
HANDED_OVER_BYTES = 1024 * 1024
# Where `struct tcp_info` of Linux has `tcpi_bytes_acked`.
BYTES_ACKED = slice(120, 128)
# What the parser takes at once: it cannot be stopped in between, where a request ends.
PIECE_BYTES = 1024
# How long a client that was refused may go on sending before it sees a reset.
LINGER_SECONDS = 1
# `struct linger`, whose size differs between systems: on, for no time.
NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
HOST = re.compile(r"[\w.~!$&'()*+,;=%:\[\]-]*", re.ASCII)


def configure(app: str, **options: Any) -> uvicorn.Config:
    """How uvicorn serves `app` with this adapter."""
    return uvicorn.Config(app, http=Connection, **options)


class Part(Enum):
    """Which part of a request has begun, and is not whole."""

    NONE = "none"
    HEAD = "head"
    BODY = "body"


class Connection(HttpToolsProtocol):
    """One connection: what is taken from its client, and how the app that answers may end it.

    - What comes after a whole request is not parsed before that is answered.
    - The head of a request, a trailer section and an extension of a chunk have as many bytes as
      `max_header_bytes` at most: so many may come without one byte of a body.
    - A head has `request_seconds` to arrive; a body arrives with `min_bytes_per_second`, on average
      over each such time.
    """

    _with_body: ClassVar[set["Connection"]] = set()

    _answer: RequestResponseCycle | None = None
    _part = Part.NONE
    _unparsed = b""
    _bytes_without_body = 0
    _bytes_of_body = 0
    _timer: asyncio.TimerHandle | None = None
    _is_deaf = False
    _fault = (400, "The request is no valid HTTP.")

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._limits = streaming_settings()
        # Linux would take up to 4 MiB from each stream that nobody reads (`tcp_wmem`), and all of
        # that would be made before anybody notices. What is on its way over a long distance does
        # not count.
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            self._set_option(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        self._watch()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._silence()
        self._is_deaf = True
        self._watch()

    def abort(self) -> None:
        """End the connection at once; the client sees a reset, and the kernel keeps nothing."""
        self._silence()
        self._set_option(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.transport.abort()

    def close(self) -> None:
        """End the connection once the client has read what was sent, if it does so in time."""
        self._silence()
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(self._limits.chunk_seconds, self.abort)

    def hand_over(self) -> None:
        """Let the kernel take what waits to be sent; it goes on when this process has ended."""
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            self._set_option(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, HANDED_OVER_BYTES)
        self._set_option(socket.SOL_SOCKET, socket.SO_SNDBUF, HANDED_OVER_BYTES)

    def count_taken(self) -> int:
        """The bytes that the client's side has confirmed; 0 where the kernel does not tell."""
        with suppress(AttributeError, OSError):
            connection = self.transport.get_extra_info("socket")
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_ACKED.stop)
            return int.from_bytes(info[BYTES_ACKED], sys.byteorder)
        return 0

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
    def data_received(self, data: bytes) -> None:
        if not self._is_deaf:
            self._unparsed += data
            self._parse()

    def _parse(self) -> None:
        data, start = self._unparsed, 0
        while start < len(data) and self._is_listening():
            piece = data[start : start + PIECE_BYTES]
            start += PIECE_BYTES
            self._bytes_without_body += len(piece)
            super().data_received(piece)
            if self._bytes_without_body > self._limits.max_header_bytes:
                self._refuse(431, "The head of the request is too large.")
        self._unparsed = b"" if self._is_deaf else data[start:]
        if len(self._unparsed) > self._limits.max_header_bytes:
            self._refuse(400, "Too many requests were sent ahead.")
        self._watch()

    def _is_listening(self) -> bool:
        """Whether a request is awaited, or the rest of one, and no whole one to be answered."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        return not (self._is_deaf or self.pipeline or (is_answering and self._part is Part.NONE))

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: self}
        self._enter(Part.HEAD)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        if self._part is Part.BODY:  # a trailer, and the app has been told of the head already
            return
        super().on_header(name, value)
        if len(self.headers) > self._limits.max_header_fields:
            self._fail(431, "The head of the request has too many fields.")

    @override
    def on_headers_complete(self) -> None:
        parser: Any = self.parser
        head, version = Headers(raw=self.headers), parser.get_http_version()
        hosts = head.getlist("host")
        is_upgrade = parser.should_upgrade() and not self._should_upgrade()
        if version not in {"1.0", "1.1"}:
            self._fail(505, "This server speaks HTTP/1.1.")
        if len(hosts) > 1 or (version == "1.1" and not hosts):
            self._fail(400, "A request has one Host (RFC 9112, section 3.2).")
        if not all(map(HOST.fullmatch, hosts)):
            self._fail(400, "Host is not valid.")
        if version == "1.0" and "transfer-encoding" in head:
            self._fail(400, "HTTP/1.0 has no Transfer-Encoding (RFC 9112, section 6.1).")
        if is_upgrade and not {"content-length", "transfer-encoding"}.isdisjoint(head):
            self._fail(400, "This server speaks HTTP/1.1; send a body without Upgrade.")
        super().on_headers_complete()
        self._enter(Part.BODY)
        if is_upgrade:  # what follows is for the parser in another protocol
            self.cycle.keep_alive = False
            self._is_deaf = True

    @override
    def on_body(self, body: bytes) -> None:
        self._bytes_without_body = 0
        self._bytes_of_body += len(body)
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._enter(Part.NONE)

    def _enter(self, part: Part) -> None:
        """Begin another part of the request, with time of its own."""
        self._part = part
        self._bytes_of_body = 0
        if part is not Part.BODY:
            self._bytes_without_body = 0
        self._stop_timer()

    # How long it may take

    def _watch(self) -> None:
        """Give what is awaited its time, and a body that is on its way its place."""
        if not self._is_listening():
            self._stop_timer()
        elif self._timer is None:
            self._timer = self.loop.call_later(self._limits.request_seconds, self._overdue)
        bodies = self._with_body
        if self._part is not Part.BODY or not self._is_listening():
            bodies.discard(self)
        elif len(bodies) < self._limits.max_bodies:
            bodies.add(self)
        elif self not in bodies:
            self._refuse(503, "Too many requests with a body arrive at once.")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _overdue(self) -> None:
        self._timer = None
        # A body that fills our buffer, or that the app has not asked for yet, keeps nobody waiting.
        is_awaited = not (
            self.flow.read_paused or (self.cycle and self.cycle.waiting_for_100_continue)
        )
        enough = int(self._limits.request_seconds * self._limits.min_bytes_per_second)
        if self._part is Part.NONE:
            self.close()
        elif self._part is Part.HEAD:
            self._refuse(408, "The head of the request took too long.")
        elif is_awaited and self._bytes_of_body < enough:
            self._refuse(408, "The body of the request took too long.")
        else:
            self._bytes_of_body = 0 if is_awaited else enough
            self._watch()

    # Refusals

    def _fail(self, status: int, detail: str) -> None:
        """Stop the parser, which tells nobody of the error that has stopped it."""
        self._fault = status, detail
        raise ValueError(detail)

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(*self._fault)

    def _refuse(self, status: int, detail: str) -> None:
        """Hear nothing more of this client, and say why if no other answer stands before that."""
        if self._is_deaf:
            return
        self._is_deaf = True
        self.logger.warning("Refused a request: %d, %s", status, detail)
        answer, is_own = self._answer, self._part is Part.BODY and self._answer is self.cycle
        if answer is not None and is_own and answer.response_started:
            self.close()
        elif answer is not None and not is_own and not answer.response_complete:
            last = answer if self._part is Part.BODY else self.cycle
            last.keep_alive = False
        else:
            self._silence()
            self._send_problem(status, detail)

    def _send_problem(self, status: int, detail: str) -> None:
        title = HTTPStatus(status).phrase
        is_limit = status == HTTPStatus.SERVICE_UNAVAILABLE
        type_ = "/problems/limit" if is_limit else "about:blank"
        problem = {"type": type_, "title": title, "status": status, "detail": detail}
        body = json.dumps(problem).encode()
        fields = [
            *self.server_state.default_headers,
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *([(b"retry-after", b"5")] if is_limit else []),
        ]
        head = [b"%s: %s\r\n" % field for field in fields]
        self.transport.write(b"".join([STATUS_LINE[status], *head, b"\r\n", body]))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        # At once, a reset for what is still coming would take the answer away from the client.
        self.loop.call_later(LINGER_SECONDS, self.abort)

    # How it is answered

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answer = cycle
        if cycle.scope["http_version"] == "1.0":
            app = _close_delimited(app, cycle)
        super()._start_asgi_task(cycle, app)

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self.close()
        elif self._unparsed:
            self._parse()

    @override
    def timeout_keep_alive_handler(self) -> None:
        self.close()

    @override
    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        self._is_deaf = True
        self._watch()


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


class Supervisor(Multiprocess):
    """Starts workers, and passes on how they are to end."""

    @override
    def handle_int(self) -> None:
        self._end(signal.SIGINT)

    @override
    def handle_term(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        """Ask the workers to end; asked twice, end them."""
        for process in self.processes:
            if self.should_exit.is_set():
                process.process.kill()
            elif process.pid and os.name == "posix":
                os.kill(process.pid, number)
        self.should_exit.set()

    @override
    def join_all(self) -> None:
        # The workers have their own; at this one, connections would wait for nobody.
        for listener in self.sockets:
            listener.close()
        for process in self.processes:
            while process.process.is_alive():
                process.process.join(0.1)
                self.handle_signals()
