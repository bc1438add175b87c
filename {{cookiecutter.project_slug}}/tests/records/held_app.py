"""An app with streams that are hard to encode, and what it measures of its own event loop."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import pyarrow as pa
from fastapi import APIRouter, FastAPI

from {{ cookiecutter.package_name }}.records import (
    batching,
    formats,
)
from {{ cookiecutter.package_name }}.streaming import (
    application,
    responses,
)

TICK_SECONDS = 0.005
FORMATS: dict[str, type[formats.Encoder]] = {
    encoder.name: encoder
    for encoder in (
        formats.ArrowStream,
        formats.Csv,
        formats.JsonArray,
        formats.JsonLines,
        formats.Parquet,
    )
}
held: list[float] = []


@asynccontextmanager
async def watch_loop(app: Any) -> AsyncGenerator[None]:
    """Note for how long the loop computes between a time at which a task is due, and its turn.

    It is the processor's time, as other processes of a busy machine are not the loop's doing.
    """

    async def tick() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(TICK_SECONDS)
            held.append(time.thread_time() - before - TICK_SECONDS)

    ticking = asyncio.create_task(tick())
    yield
    ticking.cancel()


router = APIRouter(lifespan=watch_loop)


@cache
def items(rows: int, row_bytes: int) -> pa.RecordBatch:
    text = "text, and more of it; " * (row_bytes // 20)
    return pa.record_batch(
        {
            "id": range(rows),
            **{f"number_{index}": [row / 7 + index for row in range(rows)] for index in range(5)},
            "text": [text[row % 20 :][:row_bytes] for row in range(rows)],
        }
    )


@cache
def objects(rows: int, row_bytes: int) -> list[dict[str, Any]]:
    return items(rows, row_bytes).to_pylist()


@router.get("/streams/{name}/{kind}")
async def stream(name: str, kind: str, rows: int, row_bytes: int) -> responses.StreamResponse:
    item = (objects if kind == "objects" else items)(rows, row_bytes)

    async def source() -> AsyncGenerator[Any]:
        while True:
            yield item

    chunks = batching.encode_batches(source(), FORMATS[name]())
    return responses.StreamResponse(chunks, media_type="application/octet-stream")


@router.get("/held")
async def percentile() -> float:
    """The 99th percentile since it was last asked for, in seconds."""
    measured = sorted(held)
    held.clear()
    return measured[len(measured) * 99 // 100]


app = FastAPI()
app.include_router(router)
application.add_streaming(app)
