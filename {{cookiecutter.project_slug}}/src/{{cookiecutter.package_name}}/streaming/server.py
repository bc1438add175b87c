"""The server adapter: limits at the door of uvicorn, and what ASGI has no word for.

No other file touches a server's internals. `python -m` gives `Connection` to uvicorn, as
`uvicorn --http PACKAGE.streaming.server:Connection` does; an app finds the one that it answers on
as `scope["extensions"]["streaming.connection"]`.
"""

import asyncio
import logging
import os
import re
import signal
import socket
import struct
import sys
import time
from collections.abc import Awaitable
from contextlib import suppress
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Send
from typing_extensions import override
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from .detached import DetachedStream
from .files import ZERO_COPY, send_file
from .limits import LimitReached
from .problems import ProblemResponse
from .settings import CHUNK_BYTES, CONNECTION, streaming_settings
from .turns import let_in

UNSENT_BYTES = 128 * 1024
# A file that the kernel sends is read while it is in a processor's cache: half again as fast.
UNSENT_BYTES_OF_FILE = 64 * 1024
HANDED_OVER_BYTES = 1024 * 1024
# Where `struct tcp_info` of Linux has `tcpi_bytes_acked`.
BYTES_ACKED = slice(120, 128)
# The parser cannot be stopped where a request ends, so it is given little at once.
PIECE_BYTES = 1024
# How long a client may go on sending after its refusal; a reset would take that away from it.
LINGER_SECONDS = 1
# `struct linger`, whose size differs between systems: on, for no time.
NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
# Time passes in steps: one that ends late because this process was paused is one step for all.
STEPS = 4
# In how many rounds of the loop what wraps `send` passes a head on, if it does.
ROUNDS_OF_A_HEAD = 100
HOST = re.compile(r"[\w.~!$&'()*+,;=%:\[\]-]*", re.ASCII)

logger = logging.getLogger("uvicorn.error")  # which alone has a handler in a supervisor

# Which part of a request has begun to arrive, and is not whole.
Part = Enum("Part", ["NONE", "HEAD", "BODY"])


class Connection(HttpToolsProtocol):
    """One connection: what its client may send, and how the app that answers may end it.

    - What follows a whole request is not parsed before that has been answered.
    - No more than `max_header_bytes` come without a byte of a body among them: a head, a trailer
      section, an extension of a chunk.
    - A head has `request_seconds` to arrive; in each such time a body has to come, and an answer
      that waits has to be read, with `min_bytes_per_second`.
    """

    _bodies: ClassVar[set["Connection"]] = set()

    _answer: RequestResponseCycle | None = None
    _part = Part.NONE
    _unparsed = b""
    _bytes_without_body = 0
    _bytes_of_body = 0
    _left_of_body = 0
    _fault = (400, "This is no valid HTTP.")
    _is_deaf = False
    _can_send_files = False
    _timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _detached: DetachedStream | None = None
    # The next body of an event stream, until it comes from the app as it was sent.
    expected: bytes | None = None

    # How a connection begins and ends

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        let_in(self.loop)
        self._limits = streaming_settings()
        is_plain = transport.get_extra_info("sslcontext") is None
        self._can_send_files = sys.platform == "linux" and is_plain
        # Linux would take up to 4 MiB from each stream that nobody reads (`tcp_wmem`), and all of
        # that would be made before anybody notices. What is on its way over a long distance does
        # not count.
        self._let_wait(UNSENT_BYTES)
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
        self.resume_writing()
        self._expect_reading()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._silence()
        if self._detached is not None:
            self._detached.close("client_left")
        self._is_deaf = True
        self._watch()
        self.resume_writing()

    def hand_over(self) -> None:
        """Let the kernel take what waits to be sent; it goes on when this process has ended."""
        self._let_wait(HANDED_OVER_BYTES)
        self._set_option(socket.SOL_SOCKET, socket.SO_SNDBUF, HANDED_OVER_BYTES)

    def count_taken(self) -> int:
        """The bytes that the client's side has confirmed; 0 where the kernel does not tell."""
        with suppress(AttributeError, OSError, ValueError):  # the last: uvloop has closed it
            connection = self.transport.get_extra_info("socket")
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_ACKED.stop)
            return int.from_bytes(info[BYTES_ACKED], sys.byteorder)
        return 0

    async def send_directly(self, size: int) -> Send | None:
        """A `send` for `size` bytes of body that are all that is left to send, around what wraps
        the app's; `None` where the head is not of such a body, or a file cannot be sent.
        """
        answer = self._answer
        if answer is None or ZERO_COPY not in answer.scope["extensions"]:
            return None
        for _ in range(ROUNDS_OF_A_HEAD):
            if answer.response_started:
                break
            await asyncio.sleep(0)
        is_such = answer.chunked_encoding is False and answer.expected_content_length == size
        send: Any = answer.send
        return send if is_such else None

    def _silence(self) -> None:
        """Tell the app that its client has left; what it sends from now on goes nowhere.

        uvicorn tells the last request of a pipeline only, and sends what comes before the end of
        a connection that closes.
        """
        if self._answer is not None and not self._answer.response_complete:
            self._answer.waiting_for_100_continue = False
            self._answer.disconnected = True
            self._answer.message_event.set()

    def _let_wait(self, size: int) -> None:
        """Let the kernel take so much that it cannot send yet."""
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            self._set_option(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, size)

    def _set_option(self, level: int, option: int, value: int | bytes) -> None:
        with suppress(OSError, ValueError):  # no TCP, or closed meanwhile
            self.transport.get_extra_info("socket").setsockopt(level, option, value)

    # Streams whose endpoints return

    @property
    def can_detach(self) -> bool:
        """Whether all that the app has sent is here, as it was sent, and more may follow."""
        answer: Any = self._answer
        return self.expected is None and answer.chunked_encoding and not answer.disconnected

    def detach(self, stream: DetachedStream) -> None:
        """Leave the response open when the app returns: `stream` writes the rest of it.

        What the app still sends goes nowhere.
        """
        answer: Any = self._answer
        answer.disconnected = True
        self._detached = stream
        # Nobody asks for the request any more.
        answer.scope, self.scope, self.headers, self.url = {}, {}, [], b""  # ty: ignore

    # What arrives

    @override
    def data_received(self, data: bytes) -> None:
        if not self._is_deaf:
            self._unparsed += data
            self._parse()

    def _parse(self) -> None:
        data, start = self._unparsed, 0
        while start < len(data) and self._is_listening():
            piece = data[start : start + max(PIECE_BYTES, self._left_of_body)]
            start += len(piece)
            self._bytes_without_body += len(piece)
            super().data_received(piece)
            if self._bytes_without_body > self._limits.max_header_bytes:
                self._refuse(431, "The head of the request is too large.")
        self._unparsed = data[start:]
        if len(self._unparsed) > self._limits.max_header_bytes:
            self._refuse(400, "Too many requests were sent ahead.")
        self._watch()

    def _is_listening(self) -> bool:
        """Whether a request or the rest of one is awaited, and no whole one has to be answered."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        return not (self._is_deaf or self.pipeline or (is_answering and self._part is Part.NONE))

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: self}
        if self._can_send_files:
            self.scope["extensions"][ZERO_COPY] = {}
        self._enter(Part.HEAD)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        if self._part is Part.BODY:  # a trailer, and the app knows the head already
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
        if is_upgrade and ("content-length" in head or "transfer-encoding" in head):
            self._fail(400, "This server speaks HTTP/1.1; send a body without Upgrade.")
        super().on_headers_complete()
        self._enter(Part.BODY)
        self._left_of_body = int(head.get("content-length", 0))
        if is_upgrade:  # the parser takes what follows for another protocol
            self.cycle.keep_alive = False
            self._is_deaf = True

    @override
    def on_body(self, body: bytes) -> None:
        self._bytes_without_body = 0
        self._bytes_of_body += len(body)
        self._left_of_body -= len(body)
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._enter(Part.NONE)

    @override
    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        self._is_deaf = True

    def _enter(self, part: Part) -> None:
        """Begin another part of a request, with time of its own."""
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
            self._wait_for_request()
        if self._part is not Part.BODY or not self._is_listening():
            self._bodies.discard(self)
        elif len(self._bodies) < self._limits.max_bodies:
            self._bodies.add(self)
        elif self not in self._bodies:
            self._refuse(503, "Too many requests with a body arrive at once.")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait_for_request(self, step: int = 1) -> None:
        proceed = partial(self._wait_for_request, step + 1) if step < STEPS else self._overdue
        self._timer = self.loop.call_later(self._limits.request_seconds / STEPS, proceed)

    def _overdue(self) -> None:
        self._timer = None
        enough = int(self._limits.request_seconds * self._limits.min_bytes_per_second)
        # What fills our buffer, or has not been asked for yet, is not late.
        is_late = not (
            self.flow.read_paused or (self.cycle and self.cycle.waiting_for_100_continue)
        )
        if self._part is Part.NONE:
            self.close()
        elif self._part is Part.HEAD:
            self._refuse(408, "The head of the request took too long.")
        elif is_late and self._bytes_of_body < enough:
            self._refuse(408, "The body of the request took too long.")
        else:
            self._bytes_of_body = 0 if is_late else enough
            self._watch()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reading()
        if self._detached is not None:
            self._detached.on_full()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reader_timer is not None:
            self._reader_timer.cancel()

    def _expect_reading(self, before: int = sys.maxsize, step: int = 1) -> None:
        """Abort unless the client reads 64 KiB of what waits for it, or all, each time.

        Streams have a `Patience` that is shorter, and says how they have ended.
        """
        waiting = self.transport.get_write_buffer_size()
        if waiting <= max(0, before - CHUNK_BYTES):
            before, step = waiting, 1
        if step > STEPS:
            self.abort()
        elif waiting:
            proceed = partial(self._expect_reading, before, step + 1)
            self._reader_timer = self.loop.call_later(self._limits.chunk_seconds, proceed)

    # What is answered

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answer = cycle
        cycle.send = self._extend_send(cycle)
        super()._start_asgi_task(cycle, app)

    def _extend_send(self, cycle: RequestResponseCycle) -> Any:
        send: Any = cycle.send
        if self._can_send_files:
            send = partial(self._send_or_send_file, cycle, send)
        if cycle.scope["http_version"] == "1.0":
            send = partial(_send_without_chunks, cycle, send)
        elif cycle.scope["method"] == "GET":
            send = partial(self._pass_on, send)
        return send

    async def _pass_on(self, send: Send, message: Message) -> None:
        await send(message)
        if message.get("body") is self.expected:
            self.expected = None

    def _send_or_send_file(
        self, cycle: RequestResponseCycle, send: Send, message: Message
    ) -> Awaitable[None]:
        is_file = message["type"] == ZERO_COPY
        return self._send_file(cycle, send, message) if is_file else send(message)

    async def _send_file(self, cycle: RequestResponseCycle, send: Send, message: Message) -> None:
        """ASGI's extension "Zero Copy Send"."""
        file = message["file"]
        offset = message.get("offset", os.lseek(file.fileno(), 0, os.SEEK_CUR))
        count = message.get("count", os.fstat(file.fileno()).st_size - offset)
        if cycle.chunked_encoding:
            self.transport.write(b"%x\r\n" % count)
        elif count > cycle.expected_content_length:
            raise RuntimeError("The response is longer than its Content-Length.")
        if cycle.scope["method"] != "HEAD":
            await self._send_behind(cycle, file, offset, count)
        if cycle.chunked_encoding:
            self.transport.write(b"\r\n")
        else:
            cycle.expected_content_length -= count
        if not message.get("more_body", False):
            await send({"type": "http.response.body"})

    async def _send_behind(
        self, cycle: RequestResponseCycle, file: Any, offset: int, count: int
    ) -> None:
        """Send bytes of a file once the kernel has all that was written before."""
        self.transport.set_write_buffer_limits(0)
        try:
            await self.flow.drain()
        finally:
            self.transport.set_write_buffer_limits()
        if not cycle.disconnected:
            self._let_wait(UNSENT_BYTES_OF_FILE)
            try:
                await send_file(self.transport.get_extra_info("socket"), file, offset, count)
            except ConnectionError:
                self.abort()
            self._let_wait(UNSENT_BYTES)

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_reading()
        elif self._unparsed:
            self._parse()

    @override
    def timeout_keep_alive_handler(self) -> None:
        self.close()

    def _fail(self, status: int, detail: str) -> None:
        """Stop the parser, which does not say which error has stopped it."""
        self._fault = status, detail
        raise ValueError(detail)

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(*self._fault)

    def _refuse(self, status: int, detail: str) -> None:
        """Hear nothing more of this client, and say why where no other answer is in the way."""
        if self._is_deaf:
            return
        self._is_deaf = True
        self._unparsed = b""
        client = ":".join(map(str, self.client or ("?",)))
        self.logger.warning("Refused a request of %s: %d, %s", client, status, detail)
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
        kind = LimitReached if status == HTTPStatus.SERVICE_UNAVAILABLE else HTTPException
        response = ProblemResponse(kind(status, detail))
        response.headers["Connection"] = "close"
        fields = [*self.server_state.default_headers, *response.raw_headers]
        head = [b"%s: %s\r\n" % field for field in fields]
        self.transport.write(b"".join([STATUS_LINE[status], *head, b"\r\n", response.body]))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.abort)


async def _send_without_chunks(cycle: RequestResponseCycle, send: Any, message: Message) -> None:
    """Let the end of the connection be the end of a body without a length.

    uvicorn would send chunks, which HTTP/1.0 does not know (RFC 9112, section 6.1).
    """
    if message["type"] == "http.response.start":
        if "content-length" not in Headers(raw=message.get("headers", [])):
            cycle.chunked_encoding = False
    elif not cycle.chunked_encoding:
        size = message.get("count", len(message.get("body", b"")))
        cycle.expected_content_length = max(size, cycle.expected_content_length)
    await send(message)


class Supervisor(Multiprocess):
    """Starts workers, replaces those that die, and passes on how they are to end."""

    def __init__(self, config: Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self._asked_at: dict[Process, float] = {}

    @override
    def keep_subprocess_alive(self) -> None:
        # uvicorn waits for the answer of each: when one dies as it is asked, nobody is replaced and
        # no signal heard until `timeout_worker_healthcheck` is over.
        for index, process in enumerate(self.processes):
            if self._is_alive(process):
                continue
            process.kill()
            process.process.join()
            self._asked_at.pop(process, None)
            if process.exitcode == STARTUP_FAILURE:
                logger.error("Worker %s cannot start, and no other would.", process.pid)
                return self.should_exit.set()
            logger.warning("Worker %s has ended, and is replaced.", process.pid)
            self.processes[index] = Process(self.config, self.sockets)
            self.processes[index].start()

    def _is_alive(self, process: Process) -> bool:
        """Whether it runs, and has answered when it was last asked, or has time left to do so."""
        now = time.monotonic()
        try:
            while process.parent_conn.poll():
                process.parent_conn.recv()
                self._asked_at.pop(process, None)
            if process not in self._asked_at:
                process.parent_conn.send(b"ping")
        except (OSError, EOFError):
            return False
        deadline = self._asked_at.setdefault(process, now) + self.config.timeout_worker_healthcheck
        return process.process.is_alive() and now < deadline

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
