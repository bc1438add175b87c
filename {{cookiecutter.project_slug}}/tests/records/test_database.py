import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from {{ cookiecutter.package_name }}.records import (
    database,
)

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range % 7 = b.range % 3"


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE numbers AS SELECT range AS id FROM range(1, 2501)")
        yield connection


@pytest.fixture
def rows_in_memory() -> Iterator[Callable[[], int]]:
    """Count the rows of all batches that are in memory and were not before."""

    def count() -> int:
        gc.collect()
        return sum(len(found) for found in gc.get_objects() if isinstance(found, pa.RecordBatch))

    gc.freeze()
    yield count
    gc.unfreeze()


def collect(batches: AsyncIterator[pa.RecordBatch]) -> list[pa.RecordBatch]:
    async def read() -> list[pa.RecordBatch]:
        return [batch async for batch in batches]

    return asyncio.run(read())


def ids(batches: list[pa.RecordBatch]) -> list[int]:
    return [value for batch in batches for value in batch.column("id").to_pylist()]


def test_a_query_comes_in_batches(connection):
    batches = collect(database.query_batches(connection, "FROM numbers", {}, 1000))
    assert ids(batches) == list(range(1, 2501))
    assert max(batch.num_rows for batch in batches) <= 1000


def test_no_rows_are_an_empty_batch_that_tells_the_schema(connection):
    sql = "FROM numbers WHERE id > $after"
    [batch] = collect(database.query_batches(connection, sql, {"after": 9999}, 1000))
    assert (batch.num_rows, batch.schema.names) == (0, ["id"])


def test_a_query_is_interrupted_when_its_reader_leaves(connection):
    async def leave() -> None:
        async with asyncio.timeout(0.3):
            await anext(database.query_batches(connection, ENDLESS, {}, 10))

    with pytest.raises(TimeoutError):
        asyncio.run(leave())
    time.sleep(0.2)
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.2, "the database still works"


def pages(connection: Any, sql: str = "FROM numbers", **options: Any) -> Any:
    options = {"key": "id", "after": None, "limit": None, "batch_rows": 1000, **options}
    return database.keyset_batches(connection, database.Query(sql, {}), **options)


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [
        (None, None, range(1, 2501)),
        (1000, None, range(1001, 2501)),
        (None, 1000, range(1, 1001)),
        (500, 1001, range(501, 1502)),
        (2499, 10, range(2500, 2501)),
        (2500, None, range(0)),
    ],
)
def test_pages_by_key_are_every_row_once(connection, after, limit, expected):
    batches = collect(pages(connection, after=after, limit=limit))
    assert ids(batches) == list(expected)
    assert batches  # an empty one at the least


@pytest.mark.parametrize(
    "key",
    [
        "id * 1000000007",
        "-id",
        "CASE WHEN id < 1000 THEN id * 100000 ELSE 100000000 + id END",  # sparse, then dense
        "CASE WHEN id < 1000 THEN id ELSE id * id * id * id END",  # dense, then ever more sparse
        "hash(id) // 2",
        "9223372036854775807 - id",
        "id::VARCHAR",
        "id / 7",
        "TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(id)",
        "uuid()",
    ],
)
@pytest.mark.parametrize("limit", [None, 2001])
def test_pages_are_in_order_whatever_the_keys_are(connection, key, limit):
    others = f"SELECT {key} AS id FROM numbers ORDER BY hash(id)"  # noqa: S608
    connection.execute(f"CREATE TABLE others AS {others}")
    expected = connection.sql("FROM others ORDER BY id").to_arrow_table().column(0).to_pylist()
    batches = collect(pages(connection, "FROM others", limit=limit, batch_rows=100))
    assert ids(batches) == expected[:limit]
    assert max(batch.num_rows for batch in batches) <= 100


def test_rows_that_come_in_between_pages_are_neither_lost_nor_twice(connection):
    async def read() -> list[int]:
        found: list[int] = []
        async for batch in pages(connection):
            found += batch.column("id").to_pylist()
            if len(found) == 1000:
                connection.execute("INSERT INTO numbers VALUES (-1), (2501)")
        return found

    assert asyncio.run(read()) == list(range(1, 2502))


@pytest.mark.parametrize("key", ["id", "id::VARCHAR"])
@pytest.mark.parametrize("limit", [None, 2001])
@pytest.mark.parametrize("slow_at", [1, 2, 5, 20, 24])
@pytest.mark.parametrize("patience", [0, 0.03])  # shorter and longer than a query takes
def test_what_was_read_ahead_for_a_slow_reader_is_let_go_and_read_again(
    connection, monkeypatch, rows_in_memory, key, limit, slow_at, patience
):
    monkeypatch.setattr(database, "PATIENCE_SECONDS", patience)
    sql = f"SELECT {key} AS id FROM numbers"  # noqa: S608
    expected = connection.sql(f"FROM ({sql}) ORDER BY id").to_arrow_table().column(0).to_pylist()

    async def read() -> tuple[list[Any], int]:
        batches, held = [], 0
        async for batch in pages(connection, sql, limit=limit, batch_rows=100):
            batches.append(batch)
            if len(batches) in {slow_at, slow_at + 1}:
                await asyncio.sleep(0.1)
                held = max(held, rows_in_memory() - sum(map(len, batches)))
        return ids(batches), held

    found, held = asyncio.run(read())
    assert found == expected[:limit]
    assert held == 0


@pytest.mark.parametrize("slow_at", range(2, 6))
def test_nothing_is_lost_where_a_slow_reader_is_found_while_the_next_page_is_read(
    connection, monkeypatch, slow_at
):
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0)

    async def read() -> list[pa.RecordBatch]:
        batches = []
        async for batch in pages(connection, batch_rows=50):
            batches.append(batch)
            if len(batches) == slow_at:
                for _ in range(3):  # time for the timer, and not for the query
                    await asyncio.sleep(0)
        return batches

    assert ids(asyncio.run(read())) == list(range(1, 2501))
