import asyncio
import inspect
import re
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import anyio
from anyio.to_thread import run_sync
from fastapi import HTTPException
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from .delivery import Delivery, end_of_body
from .events import describe_event, encode_event
from .files import ZERO_COPY
from .pools import FILES
from .settings import CHUNK_BYTES
from .shutdown import drain
from .threads import CLOSE_SECONDS, close, iterate_in_thread

END = object()
CONTENT_RANGE = re.compile(r"bytes (\d+)-")
# The kernel is told of so many bytes of a file at once.
PIECE_BYTES = 4 * 1024 * 1024
# Of an item that is no bytes, more or less.
BYTES_OF_AN_ITEM = 1024
# What FastAPI calls the generator that it puts around that of an endpoint.
WRAPPER, WRAPPED = "_async_stream_raw", "async_gen"


class StreamResponse(StreamingResponse):
    """A response whose body is `bytes` that an iterable yields, asynchronous or not.

    To be returned by an endpoint, or the `response_class` of one that yields.

    - The first chunk is made before the status is sent: what fails until then is a real error
      status, and not a 200 with an empty body. Anything but bytes is a `TypeError`.
    - When the client leaves, the iterable is closed here and now; Starlette leaves that to garbage
      collection. One that is not asynchronous is read in a thread, see `iterate_in_thread`.
    - One that fails later makes the server abort the connection, so that the client sees that the
      body is not complete (RFC 9112, section 8).
    - A client that reads too slowly is dropped, see `Delivery`.
    """

    endless: ClassVar[bool] = False

    def __init__(
        self,
        content: AsyncIterable[Any] | Iterable[Any],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        super().__init__(content, status_code, headers, media_type, background)
        self.content = _of_endpoint(content)
        # nginx would collect a response in a buffer, and a stream is read as it is made.
        self.headers.setdefault("X-Accel-Buffering", "no")
        # What is made while it is sent is true now, and of no use to anybody later.
        self.headers.setdefault("Cache-Control", "no-store")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            await self.send_head(send)
            return
        send_all = partial(self._send_all, self.make_chunks(scope))
        await Delivery(scope, receive, send, endless=self.endless).run(send_all)
        if self.background is not None:
            await self.background()

    def make_chunks(self, scope: Scope) -> AsyncGenerator[Any, None]:
        """What `encode` takes, one after the other."""
        if isinstance(self.content, AsyncGenerator):
            return self.content
        if isinstance(self.content, AsyncIterable):
            return _iterate(self.content)
        return self._join_in_thread(self.content)

    @classmethod
    def describe(cls, item_schema: dict[str, Any]) -> dict[str, Any]:
        """OpenAPI's Media Type Object for such items; an empty one adds nothing to FastAPI's."""
        return {}

    def encode(self, item: Any) -> bytes:
        """The bytes of an item. Raises `TypeError`."""
        if not isinstance(item, (bytes, bytearray, memoryview)):
            raise TypeError(
                f"A chunk of {type(self).__name__} is bytes, not {type(item).__name__}."
            )
        return bytes(item)  # of bytes, no copy

    async def _join_in_thread(self, content: Iterable[Any]) -> AsyncGenerator[bytes, None]:
        async with aclosing(iterate_in_thread(content, _weigh)) as groups:
            async for items in groups:
                if self.endless and drain.begun:
                    return
                yield b"".join(map(self.encode, items))

    async def send_head(self, send: Send) -> None:
        """The answer to HEAD; the source is not asked for anything (RFC 9110, section 9.3.2)."""
        await close(self.content)
        await self.start(send)
        await send(end_of_body())

    async def start(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )

    async def _send_all(self, chunks: AsyncGenerator[Any, None], send: Send) -> None:
        try:
            chunk = await self._next(chunks)
            await self.start(send)
            while chunk is not None:
                await send_in_parts(chunk, send)
                chunk = await self._next(chunks)
        finally:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await chunks.aclose()
        await send(end_of_body())

    async def _next(self, chunks: AsyncGenerator[Any, None]) -> bytes | None:
        item = await anext(chunks, END)
        # Whoever makes bytes of events has last words of its own.
        is_cut = self.endless and drain.begun and not isinstance(item, bytes)
        return None if item is END or is_cut else self.encode(item)


class EventStreamResponse(StreamResponse):
    """A stream of server-sent events, without an end but for the end of the process.

    What is yielded is FastAPI's `ServerSentEvent`, the `bytes` of one or more events, or the data
    of one: anything that Pydantic makes JSON of. When the process is about to stop, it ends before
    its next event.
    """

    media_type = "text/event-stream"
    endless = True

    def encode(self, item: Any) -> bytes:
        return encode_event(item)

    @classmethod
    def describe(cls, item_schema: dict[str, Any]) -> dict[str, Any]:
        return describe_event(item_schema)


class FileStreamResponse(FileResponse):
    """Starlette's response for a file, which stops when its client leaves or is too slow.

    Where the server can, the kernel sends the file by itself: it is to stay as it is meanwhile.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Within the delivery it would end with the client's connection.
        background, self.background = self.background, None
        delivery = Delivery(scope, receive, send, endless=False)
        await delivery.run(partial(self._respond, scope, delivery))
        if background is not None:
            await background()

    async def _respond(self, scope: Scope, delivery: Delivery, send: Send) -> None:
        head: list[Message] = []

        async def keep_or_raise(message: Message) -> None:
            status = message.get("status", self.status_code)
            if status not in {self.status_code, HTTPStatus.PARTIAL_CONTENT}:
                # There is no such range, which Starlette would say in plain text.
                headers = MutableHeaders(raw=message["headers"])
                del headers["Content-Type"], headers["Content-Length"]
                raise HTTPException(status, headers=headers)
            head.append(message)

        await super().__call__({**scope, "method": "HEAD"}, delivery.receive, keep_or_raise)
        headers = Headers(raw=head[0]["headers"])
        if headers["content-type"].startswith("multipart/byteranges"):
            await super().__call__(scope, delivery.receive, send)
            return
        await send(head[0])
        if scope["method"] != "HEAD":
            found = CONTENT_RANGE.match(headers.get("content-range", ""))
            start, size = int(found[1]) if found else 0, int(headers["content-length"])
            with await run_sync(lambda: Path(self.path).open("rb"), limiter=FILES) as file:
                await _send_span(file, range(start, start + size), delivery, send)
        await send(end_of_body())


async def _send_span(file: BinaryIO, span: range, delivery: Delivery, send: Send) -> None:
    if len(span) > CHUNK_BYTES and await delivery.go_direct(len(span)):
        for start in span[::PIECE_BYTES]:
            count = min(PIECE_BYTES, span.stop - start)
            message = {"type": ZERO_COPY, "file": file, "offset": start, "count": count}
            await send({**message, "more_body": True})
        return
    file.seek(span.start)
    for start in span[::CHUNK_BYTES]:
        count = min(CHUNK_BYTES, span.stop - start)
        body = await run_sync(file.read, count, limiter=FILES)
        if len(body) < count:
            raise EOFError(f"{file.name!r} is shorter than it was.")
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(0)


def _of_endpoint(content: Any) -> Any:
    """The generator of an endpoint, without the one that FastAPI puts around it.

    That one gives every item a turn of the event loop, which takes longer than to make most items,
    and it leaves the endpoint's own to garbage collection.
    """
    if getattr(content, "__name__", "") == WRAPPER and inspect.isasyncgen(content):
        return content.ag_frame.f_locals[WRAPPED]
    return content


async def _iterate(content: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    iterator = aiter(content)
    try:
        async for item in iterator:
            yield item
    finally:
        await close(iterator, content)


def _weigh(item: Any) -> int:
    return len(item) if isinstance(item, bytes) else BYTES_OF_AN_ITEM


async def send_in_parts(chunk: bytes, send: Send) -> None:
    """The server buffers what it is sent while its client does not read: never more than a part."""
    for start in range(0, len(chunk), CHUNK_BYTES):
        part = chunk[start : start + CHUNK_BYTES]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        # `send` returns at once while the socket takes bytes: without this, a generator that never
        # waits could not be cancelled.
        await asyncio.sleep(0)
