from collections.abc import AsyncGenerator, Mapping
from traceback import clear_frames

import anyio
import anyio.lowlevel
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask
from starlette.types import Send

CLOSE_SECONDS = 5


class StreamResponse(StreamingResponse):
    """A response whose body is an async generator of `bytes` that is always closed.

    - The first chunk is made before the status is sent: what fails until then is a real error
      status, and not a 200 with an empty body.
    - When the client leaves, the generator is closed here and now; Starlette leaves that to
      garbage collection.
    - A generator that fails later makes the server abort the connection, so that the client sees
      that the body is not complete (RFC 9112, section 8).
    """

    def __init__(
        self,
        content: AsyncGenerator[bytes, None],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        super().__init__(content, status_code, headers, media_type, background)
        self._chunks = content
        # nginx would collect a response in a buffer, and a stream is read as it is made.
        self.headers.setdefault("X-Accel-Buffering", "no")

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
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                # `send` returns at once while the socket takes bytes: without this, a generator
                # that never waits could not be cancelled.
                await anyio.lowlevel.checkpoint()
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
