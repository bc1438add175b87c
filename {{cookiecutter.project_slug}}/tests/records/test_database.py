import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from {{ cookiecutter.package_name }}.records.connections import (
    connector_of,
)
from {{ cookiecutter.package_name }}.records.database import (
    BadValue,
    Database,
    DatabaseUnavailable,
    RelationMissing,
)

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range % 7 = b.range % 3"
MUCH = f"SELECT range FROM range(1000000) UNION ALL ({ENDLESS})"  # noqa: S608


@pytest.fixture
def file(tmp_path: Path) -> Path:
    make(tmp_path / "t.duckdb", 1)
    return tmp_path / "t.duckdb"


def make(file: Path, value: int) -> None:
    with duckdb.connect(file) as connection:
        connection.execute("CREATE TABLE t AS SELECT $1 AS v FROM range(2500)", [value])


def opened(file: Path, *, pool_size: int = 2, timeout_seconds: float = 10) -> Database:
    connector = connector_of(f"duckdb:///{file}")
    return Database(connector, pool_size=pool_size, timeout_seconds=timeout_seconds)


async def value_of(database: Database) -> int:
    [batch] = await database.fetch("SELECT max(v) FROM t")
    return batch.column(0)[0].as_py()


async def collect(batches: AsyncIterator[pa.RecordBatch]) -> list[pa.RecordBatch]:
    return [batch async for batch in batches]


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("FROM nope", RelationMissing),
        ("SELECT nope FROM t", RelationMissing),
        ("SELECT CAST('x' AS INTEGER)", BadValue),
        ("SELECT CAST(999 AS TINYINT)", BadValue),
    ],
)
def test_an_error_of_a_query_says_what_is_wrong(file, sql, error):
    with pytest.raises(error):
        asyncio.run(opened(file).fetch(sql))


@pytest.mark.parametrize(
    "url",
    ["nothing", "", "oracle+nothing://host/database", "postgresql:/host"],
)
def test_a_url_of_no_database_is_refused_at_the_start(url):
    with pytest.raises(ValueError, match=r"duckdb:///|is needed"):
        connector_of(url)


def test_a_query_that_nobody_waits_for_is_cancelled(file):
    async def leave() -> Database:
        database = opened(file, pool_size=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await database.fetch(ENDLESS)
        assert await value_of(database) == 1  # its connection is free again
        return database

    asyncio.run(leave())
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.3, "the database still works"


def test_a_stream_that_is_left_is_cancelled_and_gives_its_connection_back(file):
    async def leave() -> None:
        database = opened(file, pool_size=1)
        for _ in range(3):
            batches = database.stream(MUCH, 100, 60)
            assert len(await anext(batches)) == 100
            await batches.aclose()

    asyncio.run(leave())


def test_a_snapshot_ends_when_its_time_is_over_even_if_nobody_reads(file):
    async def read() -> None:
        batches = opened(file).stream("FROM t, range(1000000)", 100, 0.2)
        await anext(batches)
        await asyncio.sleep(0.4)
        with pytest.raises(DatabaseUnavailable, match="snapshot"):
            await collect(batches)

    asyncio.run(read())


def test_who_waits_too_long_for_a_connection_is_refused(file):
    async def wait() -> None:
        database = opened(file, pool_size=1, timeout_seconds=0.3)
        queries = [database.fetch(ENDLESS), database.fetch(ENDLESS)]
        results = await asyncio.gather(*queries, return_exceptions=True)
        assert {*map(type, results)} == {DatabaseUnavailable}

    asyncio.run(wait())


def replaced(file: Path) -> None:
    make(file.with_suffix(".new"), 2)
    file.with_suffix(".new").replace(file)


def test_a_file_that_is_gone_is_unavailable_and_one_that_takes_its_place_is_read(file):
    async def read() -> None:
        database = opened(file)
        assert await value_of(database) == 1
        file.unlink()
        with pytest.raises(DatabaseUnavailable):
            await value_of(database)
        replaced(file)
        assert await value_of(database) == 2

    asyncio.run(read())


def test_several_processes_can_have_a_file_open(file):
    async def read() -> None:
        database = opened(file)
        assert await value_of(database) == 1
        with duckdb.connect(file, read_only=True) as other:
            assert other.execute("SELECT max(v) FROM t").fetchone() == (1,)

    asyncio.run(read())
