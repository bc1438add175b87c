"""What can be handed over as a source, and what is refused by the name of its type."""

import asyncio
import sqlite3
import subprocess
import sys
from collections import UserDict, namedtuple
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from inspect import isawaitable
from types import MappingProxyType
from typing import Any

import duckdb
import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from {{ cookiecutter.package_name }}.records import (
    batching,
    formats,
)

ROWS: list[dict[str, Any]] = [{"id": 1, "name": "a"}, {"id": 2, "name": "ü"}]
LINES = '{"id":1,"name":"a"}\n{"id":2,"name":"ü"}\n'
TABLE = pa.Table.from_pylist(ROWS)
QUERY = "SELECT 1 AS id, 'a' AS name UNION ALL SELECT 2, 'ü'"


class Model(BaseModel):
    id: int
    name: str


class Struct(msgspec.Struct):
    id: int
    name: str


@dataclass
class Data:
    id: int
    name: str


Named = namedtuple("Named", ["id", "name"])


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "things"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Once:
    """An asynchronous iterable that is no generator."""

    def __init__(self, *items: Any) -> None:
        self.items = iter(items)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self.items)
        except StopIteration:
            raise StopAsyncIteration from None


class ArrowOnly:
    """What knows nothing but the protocol of Arrow's C data interface."""

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return pa.RecordBatch.from_pylist(ROWS).__arrow_c_array__(requested_schema)


class FrameWithoutArrow:
    """It iterates as data frames do: over the names of its columns."""

    def __iter__(self) -> Iterator[str]:
        return iter(["id", "name"])


def rows_of_sqlite3() -> Iterator[sqlite3.Row]:
    with sqlite3.connect(":memory:") as connection:
        connection.row_factory = sqlite3.Row
        yield from connection.execute(QUERY)
    connection.close()


def result_of_sqlalchemy() -> Iterator[Any]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        yield from connection.execute(sa.text(QUERY))
    engine.dispose()


def objects_of_sqlalchemy() -> Iterator[Thing]:
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Thing(**row) for row in ROWS])
        session.commit()
        yield from session.scalars(sa.select(Thing).order_by(Thing.id))
    engine.dispose()


class AsyncResult:
    """An `AsyncResult` of SQLAlchemy, with the engine that it came from."""

    def __init__(self, adapt: Callable[[Any], Any]) -> None:
        self.adapt = adapt

    async def __call__(self) -> Any:
        connection = await create_async_engine("sqlite+aiosqlite://").connect()
        result = self.adapt(await connection.stream(sa.text(QUERY)))
        close = result.close

        async def close_all() -> None:
            await close()
            await connection.close()
            await connection.engine.dispose()

        result.close = close_all
        return result


async def yield_all(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item


RECORDS = {
    "dicts": ROWS,
    "mappings": [UserDict(ROWS[0]), MappingProxyType(ROWS[1])],
    "models": [Model(**row) for row in ROWS],
    "dataclasses": [Data(**row) for row in ROWS],
    "structs": [Struct(**row) for row in ROWS],
    "namedtuples": [Named(**row) for row in ROWS],
    "numpy scalars": [{"id": np.int64(row["id"]), "name": np.str_(row["name"])} for row in ROWS],
}
SOURCES: dict[str, Callable[[], Any]] = {
    **{f"list of {kind}": lambda records=records: records for kind, records in RECORDS.items()},
    **{f"generator of {kind}": lambda r=records: iter(r) for kind, records in RECORDS.items()},
    **{f"async {kind}": lambda r=records: yield_all(*r) for kind, records in RECORDS.items()},
    **{
        f"lists of {kind}": lambda r=records: yield_all(r[:1], r[1:])
        for kind, records in RECORDS.items()
    },
    "tuple": lambda: tuple(ROWS),
    "async iterable": lambda: Once(*ROWS),
    "sqlite3": rows_of_sqlite3,
    "SQLAlchemy rows": result_of_sqlalchemy,
    "SQLAlchemy async rows": AsyncResult(lambda result: result),
    "SQLAlchemy async mappings": AsyncResult(lambda result: result.mappings()),
    "Arrow batch": lambda: pa.RecordBatch.from_pylist(ROWS),
    "Arrow table": lambda: TABLE,
    "Arrow reader": TABLE.to_reader,
    "Arrow array protocol": ArrowOnly,
    "async Arrow tables": lambda: yield_all(TABLE[:1], TABLE[1:]),
    "Arrow tables": lambda: iter([TABLE[:1], TABLE[1:]]),
    "a record and a table": lambda: yield_all(ROWS[0], TABLE[1:]),
    "polars": lambda: pl.DataFrame(ROWS),
    "async polars": lambda: yield_all(pl.DataFrame(ROWS)),
    "pandas": lambda: pd.DataFrame(ROWS),
    "DuckDB": lambda: duckdb.sql(QUERY),
}


def not_awaited() -> Any:
    """A coroutine that does not complain of it."""
    coroutine = asyncio.sleep(0)
    REFUSED_COROUTINES.append(coroutine)
    return coroutine


REFUSED_COROUTINES: list[Any] = []
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "str": (lambda: "text", "str"),
    "bytes": (lambda: b"text", "bytes"),
    "int": (lambda: 1, "int"),
    "nothing": (lambda: None, "NoneType"),
    "one record": (lambda: ROWS[0], "dict"),
    "an empty record": (dict, "dict"),
    "one model": (lambda: Model(**ROWS[0]), "Model"),
    "a coroutine": (not_awaited, "coroutine"),
    "a function": (lambda: rows_of_sqlite3, "function"),
    "a list of texts": (lambda: ["text"], "str"),
    "an async text": (lambda: yield_all("text"), "str"),
    "an async list of texts": (lambda: yield_all(["text"]), "str"),
    "a text among records": (lambda: yield_all([*ROWS, "text"]), "str"),
    "numbers": (lambda: range(3), "int"),
    "tuples": (lambda: iter([(1, "a")]), "tuple"),
    "nothing for a record": (lambda: yield_all(None), "NoneType"),
    "a class": (lambda: [Model], "ModelMetaclass"),
    "a column": (lambda: pl.Series(["text"]), "Series"),
    "rows of pandas": (lambda: (row for _, row in pd.DataFrame(ROWS).iterrows()), "Series"),
    "a frame without Arrow": (FrameWithoutArrow, "str"),
    "objects without a model": (objects_of_sqlalchemy, "Thing"),
}


def stream(make: Callable[[], Any], encoder: formats.Encoder, **options: Any) -> bytes:
    async def read() -> bytes:
        source = make()
        if isawaitable(source) and source not in REFUSED_COROUTINES:
            source = await source
        chunks = batching.encode_batches(source, encoder, **options)
        return b"".join([chunk async for chunk in chunks])

    return asyncio.run(read())


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_streams_as_json_lines_and_csv(source):
    assert stream(SOURCES[source], formats.JsonLines()).decode() == LINES
    assert stream(SOURCES[source], formats.Csv()).decode().replace('"', "") == "id,name\n1,a\n2,ü\n"


@pytest.mark.parametrize("source", ["Arrow table", "polars", "async iterable"])
@pytest.mark.parametrize("encoder", [formats.Parquet, formats.ArrowStream, formats.JsonArray])
def test_a_source_streams_in_every_other_format(source, encoder):
    assert stream(SOURCES[source], encoder())


@pytest.mark.parametrize("source", REFUSED)
def test_what_is_no_source_or_no_record_is_refused_by_the_name_of_its_type(source):
    make, name = REFUSED[source]
    for encoder in (formats.JsonLines(), formats.Csv()):
        with pytest.raises(TypeError, match=rf"\b{name}\b"):
            stream(make, encoder)
    while REFUSED_COROUTINES:
        REFUSED_COROUTINES.pop().close()


MODELLED = {
    "objects": objects_of_sqlalchemy,
    "rows": result_of_sqlalchemy,
    "sqlite3": rows_of_sqlite3,
    "dicts": lambda: yield_all({"id": "1", "name": "a", "secret": 1}, ROWS[1]),
    "models": lambda: yield_all(*RECORDS["models"]),
}


@pytest.mark.parametrize("source", MODELLED)
def test_records_become_those_of_a_declared_model(source):
    assert stream(MODELLED[source], formats.JsonLines(), model=Model).decode() == LINES


def test_a_record_that_is_none_of_the_model_is_refused():
    with pytest.raises(ValueError, match="name"):
        stream(lambda: [{"id": 1}], formats.JsonLines(), model=Model)


@pytest.mark.parametrize("encoder", [formats.JsonLines, formats.Csv])
def test_an_empty_table_has_columns_all_the_same(encoder):
    text = stream(lambda: TABLE[:0], encoder()).decode()
    assert text == ("id,name\n" if encoder is formats.Csv else "")


VALUES: dict[str, tuple[Any, Any]] = {
    "numpy integer": (np.int32(1), 1),
    "numpy float": (np.float64(1.5), 1.5),
    "numpy half": (np.float16(1.5), 1.5),
    "numpy not a number": (np.float64("nan"), None),
    "numpy bool": (np.bool_(True), True),
    "numpy time": (np.datetime64("2026-01-01T12:00:00", "ns"), "2026-01-01T12:00:00Z"),
    "numpy day": (np.datetime64("2026-01-01"), "2026-01-01"),
    "numpy no time": (np.datetime64("NaT"), None),
    "numpy array": (np.arange(3), [0, 1, 2]),
    "pandas time": (pd.Timestamp("2026-01-01T12:00:00"), "2026-01-01T12:00:00Z"),
    "pandas no time": (pd.NaT, None),
    "pandas nothing": (pd.NA, None),
}


@pytest.mark.parametrize("kind", VALUES)
def test_values_of_numpy_and_pandas_are_written_as_those_of_python(kind):
    value, expected = VALUES[kind]
    line = stream(lambda: [{"v": value}], formats.JsonLines())
    assert msgspec.json.decode(line) == {"v": expected}
    assert stream(lambda: [{"v": value}], formats.Csv())


def test_nanoseconds_need_no_pandas():
    program = f"""
import sys
from importlib.abc import MetaPathFinder
class NoPandas(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "pandas":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoPandas())
import pyarrow as pa
from {formats.__name__} import JsonLines
column = pa.array([1_743_211_800_123_456_789], pa.timestamp("ns"))
print(JsonLines().encode(pa.RecordBatch.from_arrays([column], ["at"])).decode())
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert result.stdout.strip() == b'{"at":"2025-03-29T01:30:00.123456789Z"}'
