"""The generated service, with endpoints of a team that stream objects and batches of objects."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
from my_service import records as formats
from my_service.main import create_app
from my_service.records import JsonLines, JsonLinesResponse, encode_batches
from my_service.streaming import StreamResponse

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


@app.get("/bench/yield", response_class=JsonLinesResponse)
async def yield_models(records: int) -> AsyncIterable[Reading]:
    for reading in readings(records):
        yield reading


@app.get("/bench/yield-blocking", response_class=JsonLinesResponse)
def yield_models_from_a_thread(records: int) -> Iterable[Reading]:
    yield from readings(records)


async def model_lists(count: int) -> AsyncGenerator[list[Reading], None]:
    for first in range(0, count, LIST_RECORDS):
        models = READINGS[first % PREPARED : first % PREPARED + LIST_RECORDS]
        yield models[: count - first]


SHAPES: dict[str, Callable[[int], Any]] = {
    "single": models,
    "blocking": readings,
    "lists": model_lists,
    "arrow": arrow_batches,
}


@app.get("/bench/formats/{name}/{shape}")
async def stream_in_a_format(name: str, shape: str, records: int) -> StreamResponse:
    encoder = getattr(formats, name)()
    chunks = encode_batches(SHAPES[shape](records), encoder)
    return StreamResponse(chunks, media_type=encoder.media_type)


@app.get("/bench/slow")
async def stream_slowly(records: int) -> StreamResponse:
    return StreamResponse(
        encode_batches(slow_readings(records), JsonLines()), media_type=JsonLines.media_type
    )
