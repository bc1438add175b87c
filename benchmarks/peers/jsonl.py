"""JSON Lines as FastAPI has it, and as people write it without."""

import csv
import io
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from itertools import cycle, islice

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from .records import READINGS, Reading, readings, slow_readings

# Fewer would measure FastAPI's pool of threads.
CSV_ROWS = 1_000
MEDIA_TYPE = "application/jsonl"

# The fastest form of naive: dicts that the standard library's JSON takes as they are.
DICTS = [reading.model_dump(mode="json") for reading in READINGS]

app = FastAPI()


def dump_lines(count: int) -> Iterator[str]:
    for record in islice(cycle(DICTS), count):
        yield json.dumps(record) + "\n"


async def dump_lines_async(count: int) -> AsyncIterator[str]:
    for line in dump_lines(count):
        yield line


@app.get("/naive-sync")
async def naive_sync(records: int) -> StreamingResponse:
    return StreamingResponse(dump_lines(records), media_type=MEDIA_TYPE)


@app.get("/naive-async")
async def naive_async(records: int) -> StreamingResponse:
    return StreamingResponse(dump_lines_async(records), media_type=MEDIA_TYPE)


def write_rows(count: int) -> Iterator[str]:
    yield ",".join(DICTS[0]) + "\n"
    for first in range(0, count, CSV_ROWS):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows(
            (reading.id, reading.sensor, reading.value, reading.recorded_at.isoformat())
            for reading in readings(min(CSV_ROWS, count - first))
        )
        yield text.getvalue()


@app.get("/naive-csv")
async def naive_csv(records: int) -> StreamingResponse:
    return StreamingResponse(write_rows(records), media_type="text/csv")


@app.get("/yield")
async def yield_models(records: int) -> AsyncIterable[Reading]:
    for reading in readings(records):
        yield reading


@app.get("/slow")
async def yield_slowly(records: int) -> AsyncIterable[Reading]:
    async for reading in slow_readings(records):
        yield reading
