"""An app whose endpoints yield: the tests of response classes serve it."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from fastapi import APIRouter, BackgroundTasks, FastAPI
from fastapi.sse import ServerSentEvent
from pydantic import BaseModel

from {{ cookiecutter.package_name }}.records import (
    formats,
)
from {{ cookiecutter.package_name }}.records import (
    responses as records,
)
from {{ cookiecutter.package_name }}.streaming import (
    application,
    problems,
    responses,
)

app = FastAPI(responses=problems.RESPONSES)
application.add_streaming(app, problems=True)
router = APIRouter(prefix="/squares")

closed: list[str] = []
done: list[str] = []


class Square(BaseModel):
    number: int
    square: int


class Checked(records.JsonLinesResponse):
    def make_encoder(self) -> formats.Encoder:
        return formats.JsonLines(end_record=True)


class Named(responses.StreamResponse):
    """Tells whose generator it was given."""

    media_type = "text/plain"

    def make_chunks(self, scope: Any) -> AsyncGenerator[Any, None]:
        async def name() -> AsyncGenerator[bytes, None]:
            yield self.content.__name__.encode()

        return name()


FORMATS = {
    "jsonl": records.JsonLinesResponse,
    "ndjson": records.NdJsonResponse,
    "json": records.JsonArrayResponse,
    "csv": records.CsvResponse,
    "parquet": records.ParquetResponse,
    "arrow": records.ArrowStreamResponse,
    "checked": Checked,
    "events": responses.EventStreamResponse,
}


def squares(count: int) -> Iterator[Square]:
    for number in range(count):
        yield Square(number=number, square=number**2)


def add_endpoints(name: str, response_class: Any) -> None:
    @router.get(f"/async/{name}", response_class=response_class)
    async def yield_asynchronously(count: int = 3) -> AsyncIterable[Square]:
        try:
            for square in squares(count):
                yield square
        finally:
            closed.append(name)

    @router.get(f"/blocking/{name}", response_class=response_class)
    def yield_from_a_thread(count: int = 3) -> Iterable[Square]:
        try:
            yield from squares(count)
        finally:
            closed.append(name)

    @router.get(f"/returned/{name}", response_class=response_class)
    async def return_an_iterable(count: int = 3) -> Any:
        return response_class(list(squares(count)))


for name, response_class in FORMATS.items():
    add_endpoints(name, response_class)
app.include_router(router)


@app.get("/closed")
async def closed_streams() -> list[str]:
    return closed


@app.get("/whose", response_class=Named)
async def my_own_generator() -> AsyncIterable[bytes]:
    yield b""


@app.get("/dicts", response_class=records.JsonLinesResponse)
async def yield_dicts() -> AsyncIterable[Square]:
    yield {"number": 2, "square": 4, "secret": 1}


@app.get("/lists", response_class=records.NdJsonResponse)
async def yield_lists() -> AsyncIterable[list[Square]]:
    yield list(squares(2))


@app.get("/batches", response_class=records.JsonLinesResponse)
async def yield_batches() -> AsyncIterable[pa.RecordBatch]:
    yield pa.record_batch({"number": [2]})


@app.get("/named-events", response_class=responses.EventStreamResponse)
async def yield_events() -> AsyncIterable[ServerSentEvent]:
    yield ServerSentEvent(event="square", id="2", retry=10, data={"number": 2})
    yield ServerSentEvent(raw_data="two\nlines", comment="raw")
    yield b"data: bytes\n\n"
    yield None


def wrong(path: str, item: Any, response_class: Any) -> None:
    @app.get(f"/wrong/{path}", response_class=response_class)
    async def yield_it() -> AsyncIterator[Any]:
        yield item

    @app.get(f"/wrong-blocking/{path}", response_class=response_class)
    def yield_it_from_a_thread() -> Iterator[Any]:
        yield item


wrong("text", "text", records.JsonLinesResponse)
wrong("number", 1, records.CsvResponse)
wrong("texts", ["text"], records.JsonArrayResponse)
wrong("chunk", "text", responses.StreamResponse)
wrong("none", None, responses.StreamResponse)


@app.get("/sqlite3", response_class=records.JsonLinesResponse)
def rows_of_sqlite3() -> Iterator[sqlite3.Row]:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    query = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n"
    yield from connection.execute(f"{query} LIMIT 20000")
    connection.close()


@app.get("/file")
async def file_with_a_task(tasks: BackgroundTasks) -> responses.FileStreamResponse:
    async def work() -> None:
        await asyncio.sleep(0.05)  # a client that has everything has left by then
        done.append("file")

    tasks.add_task(work)
    return responses.FileStreamResponse(Path(__file__))


@app.get("/done")
async def done_tasks() -> list[str]:
    return done
