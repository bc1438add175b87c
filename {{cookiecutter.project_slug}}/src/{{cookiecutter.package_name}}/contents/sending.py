"""The response for a content: its headers, and its body on the fastest way that there is."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from http import HTTPStatus

import anyio
from fastapi import HTTPException, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ..streaming.delivery import Delivery, end_of_body
from ..streaming.files import PIECE_BYTES, ZERO_COPY, bytes_on_the_way
from ..streaming.settings import CHUNK_BYTES
from .conditions import decide
from .headers import content_range, content_type, describe
from .representation import Content, ContentChanged, Representation

# What a 304 says of the representation (RFC 9110, section 15.4.5).
OF_NOT_MODIFIED = {"ETag", "Vary"}

Part = tuple[bytes, range]
"""Bytes of a body that say what follows, and a span of the content."""


class ContentResponse(Response):
    """Answers GET and HEAD as preconditions and ranges say, and closes the content.

    Raises `HTTPException` 412 and 416, and what reading the content raises before its first bytes
    are sent. What is found wrong later ends the connection before the body is complete.
    """

    def __init__(self, request: Request, content: Content, headers: Mapping[str, str]) -> None:
        self.background = None
        self._content = content
        self.status_code, spans = decide(request.method, request.headers, content.representation)
        self._parts: list[Part] = [(b"", span) for span in spans]
        self._is_direct = False
        self.init_headers(self._choose_headers(content.representation, headers))
        if request.method == "HEAD":
            self._parts = []

    def _choose_headers(
        self, representation: Representation, more: Mapping[str, str]
    ) -> dict[str, str]:
        headers = describe(representation) | dict(more)
        match self.status_code:
            case HTTPStatus.PRECONDITION_FAILED:
                return {}
            case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return {"Content-Range": f"bytes */{representation.size}"}
            case HTTPStatus.NOT_MODIFIED:
                return {name: headers[name] for name in headers.keys() & OF_NOT_MODIFIED}
        if len(self._parts) > 1:
            headers["Content-Type"] = self._become_multipart(representation)
        elif self.status_code == HTTPStatus.PARTIAL_CONTENT:
            headers["Content-Range"] = content_range(self._parts[0][1], representation)
        length = sum(len(head) + len(span) for head, span in self._parts)
        return headers | {"Content-Length": str(length)}

    def _become_multipart(self, representation: Representation) -> str:
        """Give each part its head (RFC 9110, section 14.6); returns the type of the whole."""
        boundary = secrets.token_hex(16)
        type_line = f"Content-Type: {content_type(representation)}\r\n"
        for number, (_, span) in enumerate(self._parts):
            range_line = f"Content-Range: {content_range(span, representation)}\r\n"
            head = f"\r\n--{boundary}\r\n{type_line}{range_line}\r\n"
            self._parts[number] = head.encode(), span
        self._parts.append((f"\r\n--{boundary}--\r\n".encode(), range(0)))
        return f"multipart/byteranges; boundary={boundary}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self.status_code >= HTTPStatus.BAD_REQUEST:
                raise HTTPException(self.status_code, headers=dict(self.headers))
            delivery = Delivery(scope, receive, send, endless=False)
            await delivery.run(partial(self._send_all, delivery))
        finally:
            with anyio.CancelScope(shield=True):
                await self._content.close()

    async def _send_all(self, delivery: Delivery, send: Send) -> None:
        async with aclosing(self._make_body()) as body:
            # The head of the first part, and the first of its bytes.
            first = [await anext(body, _body(b"")) for _ in range(2)]
            head = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **head})
            if self._count_bytes() > bytes_on_the_way() and self._content.file:
                self._is_direct = await delivery.go_direct(int(self.headers["Content-Length"]))
            for message in first:
                await send(message)
            try:
                async for message in body:
                    await send(message)
                    # Else, who reads as fast as it is sent would have the event loop for himself.
                    await asyncio.sleep(0)
            except EOFError as error:
                raise ContentChanged(self._content.representation.path) from error
        await send(end_of_body())

    def _count_bytes(self) -> int:
        return sum(len(span) for _, span in self._parts)

    async def _make_body(self) -> AsyncGenerator[Message, None]:
        left = self._count_bytes()
        for head, span in self._parts:
            yield _body(head)
            start = min(CHUNK_BYTES, len(span)) if self._content.file else len(span)
            # The kernel sends a file as it is when it is read: what can still be unread at the end,
            # when it is known whether the file has changed, is copied before.
            end = max(left - bytes_on_the_way(), start)
            async for message in self._copy(span[:start]):
                yield message
            uncopied = span[start:end] if self._is_direct else range(0)
            for offset in uncopied[::PIECE_BYTES]:
                count = min(PIECE_BYTES, uncopied.stop - offset)
                piece = {"file": self._content.file, "offset": offset, "count": count}
                yield {"type": ZERO_COPY, **piece, "more_body": True}
            async for message in self._copy(span[start + len(uncopied) :]):
                yield message
            left -= len(span)

    async def _copy(self, span: range) -> AsyncGenerator[Message, None]:
        if span:
            async with aclosing(self._content.read(span)) as chunks:
                async for chunk in chunks:
                    yield _body(chunk)


def _body(data: bytes) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": True}
