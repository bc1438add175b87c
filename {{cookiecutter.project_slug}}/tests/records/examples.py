"""The endpoints of docs/records.md."""

import sqlite3
from collections.abc import AsyncIterable, Iterator

import polars as pl
from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from {{ cookiecutter.package_name }}.records import (
    CsvResponse,
    JsonLines,
    JsonLinesResponse,
    encode_batches,
)
from {{ cookiecutter.package_name }}.streaming import (
    StreamResponse,
)

router = APIRouter()


class Square(BaseModel):
    number: int
    square: int


@router.get("/squares", response_class=JsonLinesResponse)
async def stream_squares(count: int = 1_000) -> AsyncIterable[Square]:
    for number in range(count):
        yield Square(number=number, square=number**2)


class CheckedResponse(JsonLinesResponse):
    def make_encoder(self) -> JsonLines:
        return JsonLines(end_record=True)


@router.get("/checked-squares", response_class=CheckedResponse)
async def stream_checked_squares() -> AsyncIterable[list[Square]]:
    yield [Square(number=number, square=number**2) for number in range(1_000)]


@router.get("/squares.csv", response_class=CsvResponse)
def stream_squares_from_sqlite() -> Iterator[sqlite3.Row]:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    try:
        yield from connection.execute("SELECT 1 AS number, 1 AS square UNION ALL SELECT 2, 4")
    finally:
        connection.close()


class Base(DeclarativeBase):
    pass


class StoredSquare(Base):
    __tablename__ = "squares"
    number: Mapped[int] = mapped_column(primary_key=True)
    square: Mapped[int]
    secret: Mapped[str]


engine = create_async_engine("sqlite+aiosqlite:///squares.db")


@router.get("/stored-squares", response_class=JsonLinesResponse)
async def stream_stored_squares() -> AsyncIterable[Square]:
    async with engine.connect() as connection:
        async for row in await connection.stream(select(StoredSquare)):
            yield row


@router.get("/frame", response_class=JsonLinesResponse)
async def stream_a_frame() -> JsonLinesResponse:
    frame = pl.DataFrame({"number": [1, 2], "square": [1, 4]})
    return JsonLinesResponse(frame, headers={"Content-Disposition": "attachment"})


@router.get("/any-format", response_class=StreamResponse)
async def stream_in_any_format() -> StreamResponse:
    encoder = JsonLines(end_record=True)
    chunks = encode_batches([Square(number=1, square=1)], encoder)
    return StreamResponse(chunks, media_type=encoder.media_type)
