import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from http import HTTPStatus
from traceback import clear_frames
from typing import ClassVar

import anyio
from fastapi import HTTPException
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from .delivery import Delivery
from .settings import CHUNK_BYTES
from .threads import iterate_in_thread

CLOSE_SECONDS = 5


class StreamResponse(StreamingResponse):
    """A response whose body is a generator of `bytes` that is always closed.

    - The first chunk is made before the status is sent: what fails until then is a real error
      status, and not a 200 with an empty body.
    - When the client leaves, the generator is closed here and now; Starlette leaves that to
      garbage collection.
    - A generator that fails later makes the server abort the connection, so that the client sees
      that the body is not complete (RFC 9112, section 8).
    - A client that reads too slowly is dropped, see `Delivery`.
    """

    endless: ClassVar[bool] = False

    def __init__(
        self,
        content: AsyncGenerator[bytes, None] | Iterable[bytes],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        chunks = content if isinstance(content, AsyncGenerator) else iterate_in_thread(content)
        super().__init__(chunks, status_code, headers, media_type, background)
        self._chunks = chunks
        # nginx would collect a response in a buffer, and a stream is read as it is made.
        self.headers.setdefault("X-Accel-Buffering", "no")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Delivery(scope, receive, send, endless=self.endless).run(self.stream_response)
        if self.background is not None:
            await self.background()

    async def stream_response(self, send: Send) -> None:
        try:
            chunk: bytes | None = await anext(self._chunks, None)
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            while chunk is not None:
                await _send_in_parts(chunk, send)
                chunk = await anext(self._chunks, None)
        except anyio.get_cancelled_exc_class() as cancelled:
            # FastAPI wraps the generator of an endpoint in another one. Where that was cancelled,
            # nothing but its dead frame holds the endpoint's, which is closed once it is let go.
            clear_frames(cancelled.__traceback__)
            raise
        finally:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await self._chunks.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class EventStreamResponse(StreamResponse):
    """A stream of server-sent events, without an end but for the end of the process."""

    media_type = "text/event-stream"
    endless = True

    def __init__(
        self,
        content: AsyncGenerator[bytes, None],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        super().__init__(content, status_code, headers, media_type, background)
        self.headers.setdefault("Cache-Control", "no-cache")


class FileStreamResponse(FileResponse):
    """Starlette's response for a file, which stops when its client leaves or is too slow."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def respond(send: Send) -> None:
            async def send_or_raise(message: Message) -> None:
                status = message.get("status", self.status_code)
                if status not in {self.status_code, HTTPStatus.PARTIAL_CONTENT}:
                    # There is no such range, which Starlette would say in plain text.
                    headers = MutableHeaders(raw=message["headers"])
                    del headers["Content-Type"], headers["Content-Length"]
                    raise HTTPException(status, headers=headers)
                await send(message)

            await super(FileStreamResponse, self).__call__(scope, delivery.receive, send_or_raise)

        delivery = Delivery(scope, receive, send, endless=False)
        await delivery.run(respond)


async def _send_in_parts(chunk: bytes, send: Send) -> None:
    """The server buffers what it is sent while its client does not read: never more than a part."""
    for start in range(0, len(chunk), CHUNK_BYTES):
        part = chunk[start : start + CHUNK_BYTES]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        # `send` returns at once while the socket takes bytes: without this, a generator that never
        # waits could not be cancelled.
        await asyncio.sleep(0)
