"""Server-sent events as FastAPI and as sse-starlette have them: one queue for each subscriber."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import contextmanager

from fastapi import FastAPI, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sse_starlette import EventSourceResponse as SseStarletteResponse
from sse_starlette import ServerSentEvent as SseStarletteEvent

app = FastAPI()
queues: set[asyncio.Queue[tuple[int, str]]] = set()
published = 0


@app.post("/fastapi", status_code=202)
@app.post("/sse-starlette", status_code=202)
async def publish(request: Request) -> int:
    """A JSON value, or one in each line."""
    global published  # noqa: PLW0603
    for line in (await request.body()).splitlines():
        published += 1
        text = json.dumps(json.loads(line), ensure_ascii=False)
        for queue in queues:
            queue.put_nowait((published, text))
    return published


@contextmanager
def subscription():
    queue: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
    queues.add(queue)
    try:
        yield queue
    finally:
        queues.discard(queue)


@app.get("/fastapi", response_class=EventSourceResponse)
async def subscribe_fastapi() -> AsyncIterable[ServerSentEvent]:
    with subscription() as queue:
        while True:
            number, text = await queue.get()
            yield ServerSentEvent(raw_data=text, id=str(number))


@app.get("/sse-starlette")
async def subscribe_sse_starlette() -> SseStarletteResponse:
    return SseStarletteResponse(sse_starlette_events())


async def sse_starlette_events() -> AsyncGenerator[SseStarletteEvent, None]:
    with subscription() as queue:
        while True:
            number, text = await queue.get()
            yield SseStarletteEvent(data=text, id=str(number))
