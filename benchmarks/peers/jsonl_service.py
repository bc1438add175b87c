"""The generated service, with endpoints of a team that stream objects and batches of objects."""

from collections.abc import AsyncGenerator
from datetime import datetime

import msgspec
import pyarrow as pa
from my_service.main import create_app
from my_service.streaming.batching import encode_batches
from my_service.streaming.formats import JsonLines
from my_service.streaming.responses import StreamResponse

from .records import PREPARED, READINGS, Reading, readings, slow_readings

LIST_RECORDS = 1_000


class ReadingStruct(msgspec.Struct):
    id: int
    sensor: str
    value: float
    recorded_at: datetime


STRUCTS = [ReadingStruct(**reading.model_dump()) for reading in READINGS]
LISTS = [STRUCTS[first : first + LIST_RECORDS] for first in range(0, PREPARED, LIST_RECORDS)]
BATCH = pa.RecordBatch.from_pylist([reading.model_dump() for reading in READINGS])

app = create_app()


async def models(count: int) -> AsyncGenerator[Reading, None]:
    for reading in readings(count):
        yield reading


async def struct_lists(count: int) -> AsyncGenerator[list[ReadingStruct], None]:
    for first in range(0, count, LIST_RECORDS):
        structs = LISTS[first // LIST_RECORDS % len(LISTS)]
        yield structs[: count - first]


async def arrow_batches(count: int) -> AsyncGenerator[pa.RecordBatch, None]:
    for first in range(0, count, PREPARED):
        yield BATCH.slice(0, count - first)


@app.get("/bench/models")
async def stream_models(records: int) -> StreamResponse:
    return StreamResponse(
        encode_batches(models(records), JsonLines()), media_type=JsonLines.media_type
    )


@app.get("/bench/structs")
async def stream_structs(records: int) -> StreamResponse:
    return StreamResponse(
        encode_batches(struct_lists(records), JsonLines()), media_type=JsonLines.media_type
    )


@app.get("/bench/arrow")
async def stream_arrow(records: int) -> StreamResponse:
    return StreamResponse(
        encode_batches(arrow_batches(records), JsonLines()), media_type=JsonLines.media_type
    )


@app.get("/bench/slow")
async def stream_slowly(records: int) -> StreamResponse:
    return StreamResponse(
        encode_batches(slow_readings(records), JsonLines()), media_type=JsonLines.media_type
    )
