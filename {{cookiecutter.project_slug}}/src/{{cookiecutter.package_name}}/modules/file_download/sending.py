"""The response for a content: its headers, and its body on the fastest way that there is."""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import aclosing
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

import anyio
from fastapi import HTTPException, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ...streaming.delivery import Delivery
from ...streaming.files import ZERO_COPY, bytes_on_the_way
from .conditions import decide
from .headers import content_range, describe, whole_type
from .representation import Content, Representation

PIECE_BYTES = 4 * 1024 * 1024
# What a 304 says of the representation (RFC 9110, section 15.4.5).
OF_NOT_MODIFIED = {"ETag", "Vary"}


class Part(NamedTuple):
    """Bytes of a body: some that say what follows, and a span of the content."""

    head: bytes
    span: range


class ContentResponse(Response):
    """Answers GET and HEAD as preconditions and ranges say, and closes the content.

    Raises `HTTPException` 412 and 416, and `ContentChanged` where the body cannot be completed:
    then it is shorter than its `Content-Length`, and the connection ends.
    """

    def __init__(
        self, request: Request, content: Content, headers: Mapping[str, str] | None = None
    ) -> None:
        self.background = None
        self._content = content
        self._is_head = request.method == "HEAD"
        self.status_code, spans = decide(request.method, request.headers, content.representation)
        self._parts = [Part(b"", span) for span in spans]
        self._end = b""
        self.init_headers(self._choose_headers(content.representation, headers or {}))

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
            headers["Content-Range"] = content_range(self._parts[0].span, representation)
        length = sum(len(head) + len(span) for head, span in self._parts) + len(self._end)
        return headers | {"Content-Length": str(length)}

    def _become_multipart(self, representation: Representation) -> str:
        """Give each part its head (RFC 9110, section 14.6); returns the type of the whole."""
        boundary = secrets.token_hex(16)
        head = f"\r\n--{boundary}\r\nContent-Type: {whole_type(representation)}\r\nContent-Range: "
        self._parts = [
            Part(f"{head}{content_range(span, representation)}\r\n\r\n".encode(), span)
            for _, span in self._parts
        ]
        self._end = f"\r\n--{boundary}--\r\n".encode()
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
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        if self._parts and not self._is_head:
            await self._send_parts(delivery, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_parts(self, delivery: Delivery, send: Send) -> None:
        left = sum(len(span) for _, span in self._parts)
        has_fast_way = (
            self._content.file is not None
            and left > bytes_on_the_way()
            and await delivery.go_direct(int(self.headers["Content-Length"]))
        )
        for head, span in self._parts:
            # The kernel sends a file as it is when it is read: what can still be unread at the end,
            # when it is known whether the file has changed, is copied before.
            uncopied = span[: max(left - bytes_on_the_way(), 0)] if has_fast_way else span[:0]
            await send(_body(head))
            await self._send_uncopied(uncopied, send)
            async with aclosing(self._content.read(span[len(uncopied) :])) as chunks:
                async for chunk in chunks:
                    await send(_body(chunk))
                    # Else, who reads as fast as it is sent would have the event loop for himself.
                    await asyncio.sleep(0)
            left -= len(span)
        await send(_body(self._end))

    async def _send_uncopied(self, span: range, send: Send) -> None:
        for start in span[::PIECE_BYTES]:
            count = min(PIECE_BYTES, span.stop - start)
            message = {"file": self._content.file, "offset": start, "count": count}
            await send({"type": ZERO_COPY, **message, "more_body": True})


def _body(data: bytes) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": True}
