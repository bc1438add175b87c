"""An app whose streams fail or never end; the tests of the streaming core serve it."""

import asyncio
from collections.abc import AsyncGenerator

import pyarrow as pa
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

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


@app.get("/failing-batches", response_class=responses.StreamResponse)
async def fail_between_batches(good: int) -> responses.StreamResponse:
    encoder = formats.JsonLines(end_record=True)
    return responses.StreamResponse(batching.encode_batches(failing_batches(good), encoder))


@app.get("/waits", response_class=responses.StreamResponse)
async def wait() -> AsyncGenerator[bytes]:
    try:
        yield b"first"
        await asyncio.sleep(3600)
    finally:
        closed.append("waits")


async def first_and_wait() -> AsyncGenerator[bytes]:
    yield b"first"
    await asyncio.sleep(3600)


@app.get("/waits-with-any-header", response_class=StreamingResponse)
async def wait_with_any_header(name: str, value: str) -> StreamingResponse:
    return StreamingResponse(first_and_wait(), headers={name: value})


@app.get("/never-waits", response_class=responses.StreamResponse)
async def never_wait() -> AsyncGenerator[bytes]:
    try:
        while True:
            yield b"a" * 65536
    finally:
        closed.append("never-waits")


async def endless() -> AsyncGenerator[bytes]:
    try:
        while True:
            yield b"a" * 65536
    finally:
        closed.append("never-waits-returned")


@app.get("/never-waits-returned", response_class=responses.StreamResponse)
async def return_a_stream() -> responses.StreamResponse:
    return responses.StreamResponse(endless())


async def endless_batches() -> AsyncGenerator[pa.RecordBatch]:
    try:
        while True:
            yield pa.record_batch({"id": range(1000)})
    finally:
        closed.append("batches")


@app.get("/batches", response_class=responses.StreamResponse)
async def return_batches() -> responses.StreamResponse:
    chunks = batching.encode_batches(endless_batches(), formats.JsonLines())
    return responses.StreamResponse(chunks)


@app.get("/until-drained", response_class=responses.StreamResponse)
async def wait_until_drained() -> AsyncGenerator[bytes]:
    drained = asyncio.Event()
    shutdown.drain.call(drained.set)
    yield b"first"
    await drained.wait()
    yield b"last"


@app.post("/echo")
async def echo(body: dict[str, str]) -> dict[str, str]:
    return body
