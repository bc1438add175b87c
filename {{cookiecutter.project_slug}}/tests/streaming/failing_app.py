"""An app whose streams fail or never end; the tests of the streaming core serve it."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse

from {{ cookiecutter.package_name }}.streaming import (
    application,
    delivery,
    drain,
    problems,
    responses,
)

app = FastAPI(max_body_size=1000, responses=problems.RESPONSES)
application.add_streaming(app, problems=True)

closed: list[str] = []
LINE = b"x" * 999 + b"\n"


class TextStream(responses.StreamResponse):
    media_type = "text/plain"


@contextmanager
def noting(stream: str) -> Generator[None]:
    """Note that a stream has been closed, for the tests to ask at `/closed`."""
    try:
        yield
    finally:
        closed.append(stream)


@app.get("/closed")
async def closed_streams() -> list[str]:
    return closed


@app.get("/callbacks")
async def count_callbacks() -> int:
    return sum(map(len, drain._callbacks.values()))


@app.post("/ping")
async def ping() -> None:
    pass


@app.post("/upload", max_body_size=3000)
async def count_bytes(request: Request) -> int:
    return len(await request.body())


@app.post("/drain")
async def begin_to_drain() -> None:
    drain.begin()


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


async def first_and_wait() -> AsyncGenerator[bytes]:
    with noting("waits"):
        yield b"first"
        await asyncio.sleep(3600)


@app.get("/waits", response_class=TextStream)
async def wait() -> TextStream:
    return TextStream(first_and_wait())


@app.get("/waits-at-once", response_class=TextStream)
async def wait_at_once() -> AsyncGenerator[bytes]:
    await asyncio.sleep(3600)
    yield b""


@app.get("/waits-with-any-header", response_class=StreamingResponse)
async def wait_with_any_header(name: str, value: str) -> StreamingResponse:
    return StreamingResponse(first_and_wait(), headers={name: value})


@app.head("/never-waits", response_class=TextStream)
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


@app.get("/blocks-before-it-answers")
def block_before_the_answer() -> None:
    threading.Event().wait(3)


@app.get("/large", response_class=TextStream)
async def send_much(megabytes: int) -> AsyncGenerator[bytes]:
    for _ in range(megabytes):
        delivery.count_records(1000)
        yield LINE * 1000
    yield b"complete\n"


@app.get("/until-drained", response_class=TextStream)
async def wait_until_drained() -> AsyncGenerator[bytes]:
    drained = asyncio.Event()
    forget = drain.call(drained.set)
    try:
        yield b"first"
        await drained.wait()
        yield b"last"
    finally:
        forget()


@app.post("/echo")
async def echo(body: dict[str, str]) -> dict[str, str]:
    return body
