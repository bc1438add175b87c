"""An app whose streams fail or never end; the tests of the streaming core serve it."""

import asyncio
from collections.abc import AsyncGenerator

import pyarrow as pa
from fastapi import FastAPI, HTTPException

from {{ cookiecutter.package_name }}.streaming import (
    batching,
    formats,
    health,
    problems,
    responses,
    shutdown,
)

app = FastAPI(max_body_size=1000, responses=problems.RESPONSES)
app.include_router(health.router)
problems.add_handlers(app)

closed: list[str] = []


@app.get("/closed")
async def closed_streams() -> list[str]:
    return closed


@app.post("/drain")
async def begin_to_drain() -> None:
    shutdown.drain.begin()


@app.get("/fails-at-once", response_class=responses.StreamResponse)
async def fail_at_once() -> AsyncGenerator[bytes]:
    raise RuntimeError("the password is hunter2")
    yield b""


@app.get("/refuses", response_class=responses.StreamResponse)
async def refuse() -> AsyncGenerator[bytes]:
    raise HTTPException(409, "Not now.")
    yield b""


@app.get("/fails-later", response_class=responses.StreamResponse)
async def fail_later() -> AsyncGenerator[bytes]:
    yield b"a" * 1000
    raise RuntimeError("the password is hunter2")


async def failing_batches(good: int) -> AsyncGenerator[pa.RecordBatch]:
    for number in range(good):
        yield pa.record_batch({"id": [number]})
    raise RuntimeError("the password is hunter2")


@app.get("/records", response_class=responses.StreamResponse)
async def records(good: int) -> responses.StreamResponse:
    encoder = formats.JsonLines(end_record=True)
    return responses.StreamResponse(batching.encode_batches(failing_batches(good), encoder))


@app.get("/waits", response_class=responses.StreamResponse)
async def wait() -> AsyncGenerator[bytes]:
    try:
        yield b"first"
        await asyncio.sleep(3600)
    finally:
        closed.append("waits")


@app.get("/never-waits", response_class=responses.StreamResponse)
async def never_wait() -> AsyncGenerator[bytes]:
    try:
        while True:
            yield b"a" * 65536
    finally:
        closed.append("never-waits")


@app.post("/echo")
async def echo(body: dict[str, str]) -> dict[str, str]:
    return body
