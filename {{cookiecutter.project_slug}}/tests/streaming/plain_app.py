"""What FastAPI and Starlette do by themselves with the streams that the core is made for."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.middleware.gzip import GZipMiddleware

CHUNKS = 50_000

app = FastAPI()
compressed = FastAPI()
compressed.add_middleware(GZipMiddleware)
app.mount("/compressed", compressed)

produced: list[int] = []


@app.get("/fails-at-once")
async def fail_at_once() -> AsyncIterable[int]:
    raise RuntimeError("the password is hunter2")
    yield 0


async def count_chunks() -> AsyncGenerator[bytes]:
    for number in range(CHUNKS):
        produced.append(number)
        yield b"a" * 65536


@app.get("/never-waits")
async def never_wait() -> StreamingResponse:
    return StreamingResponse(count_chunks(), media_type="application/octet-stream")


@app.get("/produced")
async def count_produced() -> int:
    return len(produced)


@app.get("/endless")
async def never_end() -> AsyncIterable[int]:
    while True:
        yield 0
        await asyncio.sleep(0.1)


@compressed.get("/file")
async def send_text() -> PlainTextResponse:
    return PlainTextResponse("a" * 10_000, headers={"ETag": '"1"', "Accept-Ranges": "bytes"})
