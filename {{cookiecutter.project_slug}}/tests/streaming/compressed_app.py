"""An app whose responses may be compressed; the tests of compression serve it."""

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Query
from fastapi.responses import Response, StreamingResponse
from fastapi.staticfiles import StaticFiles

from {{ cookiecutter.package_name }}.streaming import (
    compression,
)

from . import failing_app

app = FastAPI()
app.add_middleware(compression.CompressionMiddleware)
app.mount("/static", StaticFiles(directory=os.environ["FILES"]))
app.get("/closed")(failing_app.closed_streams)


app.get("/fails-later", response_class=failing_app.TextStream)(failing_app.fail_later)


@app.api_route("/answer", methods=["GET", "HEAD"])
async def answer(
    status: int = 200,
    type: str = "text/plain",
    size: int = 1000,
    header: Annotated[list[str], Query()] = [],  # noqa: B006
) -> Response:
    response = Response(b"a" * size, status, media_type=type)
    for line in header:
        response.headers.append(*line.split(": "))
    return response


@app.get("/ticks", response_class=failing_app.TextStream)
async def tick() -> AsyncGenerator[bytes]:
    for _ in range(5):
        yield json.dumps({"at": time.monotonic()}).encode() + b"\n"
        await asyncio.sleep(0.2)


@app.get("/empty", response_class=failing_app.TextStream)
async def send_nothing() -> AsyncGenerator[bytes]:
    for chunk in ():
        yield chunk


async def silence() -> AsyncGenerator[bytes]:
    await asyncio.sleep(3600)
    yield b""


@app.get("/silent")
async def say_nothing() -> StreamingResponse:
    return StreamingResponse(silence(), media_type="text/event-stream")


@app.get("/idle", response_class=failing_app.TextStream)
async def idle_after_some_data() -> AsyncGenerator[bytes]:
    numbers = random.Random(1)  # noqa: S311
    for _ in range(3):
        lines = (f"{numbers.randrange(10**6)},sensor,Zürich\n" for _ in range(3000))
        yield "".join(lines).encode()[:65536]
    await asyncio.sleep(3600)


@app.get("/large-chunk", response_class=failing_app.TextStream)
async def send_a_large_chunk() -> AsyncGenerator[bytes]:
    yield os.urandom(32 * 1024 * 1024)


@app.put("/state")
async def change(if_match: Annotated[str, Header()]) -> None:
    if '"1"' not in if_match:
        raise HTTPException(412)
