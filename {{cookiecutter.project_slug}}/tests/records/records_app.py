"""Streams of records that fail or never end, beside those of bytes; the tests of records serve it."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from {{ cookiecutter.package_name }}.records import (
    batching,
    formats,
)

from tests.streaming.failing_app import TextStream, app, noting

__all__ = ["app"]


class Row(BaseModel):
    id: int


def stream(batches: Any, *, end_record: bool = False) -> TextStream:
    encoder = formats.JsonLines(end_record=end_record)
    return TextStream(batching.encode_batches(batches, encoder))


async def failing_batches(good: int) -> AsyncGenerator[pa.RecordBatch]:
    for number in range(good):
        yield pa.record_batch({"id": [number]})
    raise RuntimeError("the password is hunter2")


@app.get("/failing-batches", response_class=TextStream)
async def fail_between_batches(good: int) -> TextStream:
    return stream(failing_batches(good), end_record=True)


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


@app.get("/stuck", response_class=TextStream)
async def return_one_and_wait() -> TextStream:
    async def one() -> AsyncGenerator[Row]:
        yield Row(id=0)
        await asyncio.sleep(3600)

    return stream(one(), end_record=True)


@app.get("/many", response_class=TextStream)
async def return_large_batches(megabytes: int) -> TextStream:
    async def batches() -> AsyncGenerator[pa.RecordBatch]:
        batch = pa.record_batch({"text": ["x" * 988] * 1000})  # a million bytes of JSON Lines
        for _ in range(megabytes):
            yield batch

    return stream(batches(), end_record=True)
