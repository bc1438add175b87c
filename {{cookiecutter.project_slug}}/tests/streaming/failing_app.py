"""An app whose streams fail or never end; the tests of the streaming core serve it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from {{ cookiecutter.package_name }}.records import (
    batching,
    formats,
)
from {{ cookiecutter.package_name }}.streaming import (
    application,
    problems,
    responses,
    shutdown,
)

app = FastAPI(max_body_size=1000, responses=problems.RESPONSES)
application.add_streaming(app)

closed: list[str] = []


class TextStream(responses.StreamResponse):
    media_type = "text/plain"


@contextmanager
def noting(stream: str) -> Generator[None]:
    """Note that a stream has been closed, for the tests to ask at `/closed`."""
    try:
        yield
    finally:
        closed.append(stream)


class Row(BaseModel):
    id: int


def stream(batches: Any, *, end_record: bool = False) -> TextStream:
    encoder = formats.JsonLines(end_record=end_record)
    return TextStream(batching.encode_batches(batches, encoder))


@app.get("/closed")
async def closed_streams() -> list[str]:
    return closed


@app.post("/drain")
async def begin_to_drain() -> None:
    shutdown.drain.begin()


@app.get("/fails-at-once", response_class=TextStream)
async def fail_at_once() -> AsyncGenerator[bytes]:
    raise RuntimeError("the password is hunter2")
    yield b""


@app.get("/refuses", response_class=TextStream)
async def refuse() -> AsyncGenerator[bytes]:
    raise HTTPException(409, "Not now.")
    yield b""


@app.get("/fails-later", response_class=TextStream)
async def fail_later() -> AsyncGenerator[bytes]:
    yield b"a" * 1000
    raise RuntimeError("the password is hunter2")


async def failing_batches(good: int) -> AsyncGenerator[pa.RecordBatch]:
    for number in range(good):
        yield pa.record_batch({"id": [number]})
    raise RuntimeError("the password is hunter2")


@app.get("/failing-batches", response_class=TextStream)
async def fail_between_batches(good: int) -> TextStream:
    return stream(failing_batches(good), end_record=True)


async def first_and_wait() -> AsyncGenerator[bytes]:
    with noting("waits"):
        yield b"first"
        await asyncio.sleep(3600)


@app.get("/waits", response_class=TextStream)
async def wait() -> TextStream:
    return TextStream(first_and_wait())


@app.get("/waits-with-any-header", response_class=StreamingResponse)
async def wait_with_any_header(name: str, value: str) -> StreamingResponse:
    return StreamingResponse(first_and_wait(), headers={name: value})


@app.get("/never-waits", response_class=TextStream)
async def never_wait() -> AsyncGenerator[bytes]:
    with noting("never-waits"):
        while True:
            yield b"a" * 65536


async def endless() -> AsyncGenerator[bytes]:
    with noting("never-waits-returned"):
        while True:
            yield b"a" * 65536


@app.get("/never-waits-returned", response_class=TextStream)
async def return_a_stream() -> TextStream:
    return TextStream(endless())


@app.get("/blocks", response_class=TextStream)
def block() -> Generator[bytes]:
    with noting("blocks"):
        while True:
            yield b"a" * 65536
            time.sleep(0.001)


async def endless_batches() -> AsyncGenerator[pa.RecordBatch]:
    with noting("batches"):
        while True:
            yield pa.record_batch({"id": range(1000)})


@app.get("/batches", response_class=TextStream)
async def return_batches() -> TextStream:
    return stream(endless_batches())


async def endless_records() -> AsyncGenerator[Row]:
    with noting("models"):
        while True:
            yield Row(id=1)


@app.get("/models", response_class=TextStream)
async def return_records() -> TextStream:
    return stream(endless_records())


def blocking_records() -> Generator[Row]:
    with noting("blocking-models"):
        while True:
            yield Row(id=1)


@app.get("/blocking-models", response_class=TextStream)
async def return_blocking_records() -> TextStream:
    return stream(blocking_records())


@app.get("/ticking", response_class=TextStream)
async def return_ticks() -> TextStream:
    async def ticks() -> AsyncGenerator[Row]:
        for number in range(36_000):
            yield Row(id=number)
            await asyncio.sleep(0.1)

    return stream(ticks(), end_record=True)


@app.get("/large", response_class=TextStream)
async def return_large_batches(megabytes: int) -> TextStream:
    async def batches() -> AsyncGenerator[pa.RecordBatch]:
        batch = pa.record_batch({"text": ["x" * 988] * 1000})  # a million bytes of JSON Lines
        for _ in range(megabytes):
            yield batch

    return stream(batches(), end_record=True)


@app.get("/until-drained", response_class=TextStream)
async def wait_until_drained() -> AsyncGenerator[bytes]:
    drained = asyncio.Event()
    shutdown.drain.call(drained.set)
    yield b"first"
    await drained.wait()
    yield b"last"


@app.post("/echo")
async def echo(body: dict[str, str]) -> dict[str, str]:
    return body
