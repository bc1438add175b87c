"""Tables in the order of keys of any kind: each row once, or a refusal."""

import asyncio
import gc
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from {{ cookiecutter.package_name }}.records import (
    Table,
    exports,
    pages,
    tables,
)
from {{ cookiecutter.package_name }}.records.connections import (
    connector_of,
)
from {{ cookiecutter.package_name }}.records.database import (
    Database,
)

ROWS = 120
NAMES = ", ".join(f"'{word}{n}'" for n, word in enumerate(["z", "a", "É", "b"] * 30))


def some(values: Sequence[str], other: str) -> str:
    """The first rows have these keys."""
    cases = " ".join(f"WHEN {n} THEN {value}" for n, value in enumerate(values))
    return f"CASE n {cases} ELSE {other} END"


# A column of keys by its type, made from `n`, which goes from 0 to 119.
KEYS = {
    "TINYINT": "n - 60",
    "UTINYINT": "255 - n",
    "SMALLINT": "-32768 + n",
    "USMALLINT": "65535 - n",
    "INTEGER": "2147483647 - n * 1000",
    "UINTEGER": "4294967295 - n",
    "BIGINT": "if(n % 2 = 0, 9223372036854775807 - n, -9223372036854775807 + n)",
    "UBIGINT": "18446744073709551615::UBIGINT - n::UBIGINT",
    "HUGEINT": "if(n % 2 = 0, 170141183460469231731687303715884105727::HUGEINT - n,"
    " -170141183460469231731687303715884105727::HUGEINT + n)",
    "UHUGEINT": "340282366920938463463374607431768211455::UHUGEINT - n::UHUGEINT",
    "BIGNUM": "(n::VARCHAR || repeat('7', 50))::BIGNUM",
    "VARCHAR": r"""['', '''', '"', '\', chr(10), 'é', '東', '🌡️', 'e', 'E'][1 + n % 10] || n // 10""",
    "VARCHAR COLLATE NOCASE": "['a', 'B'][1 + n % 2] || n",
    "VARCHAR COLLATE de": "['ä', 'Z', 'a', 'z'][1 + n % 4] || n",
    f"ENUM({NAMES})": f"[{NAMES}][1 + n]",
    "DATE": some(
        ["'0044-03-15 (BC)'::DATE", "'infinity'", "'-infinity'", "'290000-01-01'"],
        "DATE '2026-01-01' + n::INTEGER",
    ),
    "TIMESTAMP": "TIMESTAMP '2026-01-01 00:00:00.123456' + to_microseconds(n)",
    "TIMESTAMP_S": "TIMESTAMP '2026-01-01' + to_seconds(n)",
    "TIMESTAMP_MS": "TIMESTAMP '2026-01-01' + to_milliseconds(n)",
    "TIMESTAMP_NS": "make_timestamp_ns(1767225600000000000 + n)",
    "TIMESTAMPTZ": some(
        ["'infinity'::TIMESTAMPTZ", "'-infinity'", "'0044-03-15 (BC) 10:00:00+00'"],
        "TIMESTAMPTZ '2026-01-01 00:00:00+05' - to_microseconds(n)",
    ),
    "TIME": some(["'24:00:00'::TIME"], "TIME '23:59:59' - to_seconds(n)"),
    "TIMETZ": "('10:00:' || printf('%02d', n % 60) || '+0' || n // 60)::TIMETZ",
    "UUID": "md5(n::VARCHAR)::UUID",
    "DECIMAL(38, 10)": "n / 7 - 5",
    "DECIMAL(4, 1)": "n / 10 - 5",
    "DOUBLE": some(
        ["'inf'::DOUBLE", "'-inf'", "5e-324", "-0.0", "1.7976931348623157e308"],
        "(n - 60) / 7 + 0.3",
    ),
    "FLOAT": "(n - 60.5) / 7",
    "BLOB": "from_hex(printf('%02x00ff5c27', n))",
    "BIT": "n::INTEGER::BIT",
    "INTERVAL": "to_hours(n)",
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pages") / "keys.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute("CREATE TABLE keys (n BIGINT)")
        connection.execute(f"INSERT INTO keys FROM range({ROWS}) AS rows(n) ORDER BY hash(n)")
        for number, (sql_type, key) in enumerate(KEYS.items()):
            connection.execute(f"ALTER TABLE keys ADD COLUMN k{number} {sql_type}")
            connection.execute(f"UPDATE keys SET k{number} = {key}")  # noqa: S608
    return file


def open_table(file: Path, table: Table, name: str = "t") -> tables.ServedTable:
    database = Database(connector_of(f"duckdb:///{file}"), pool_size=4, timeout_seconds=30)
    return tables.ServedTable(name, table, database)


async def collect(
    table: tables.ServedTable, after: Any, limit: int | None, batch_rows: int
) -> list[pa.RecordBatch]:
    selection = pages.Selection(["n"], [], after, limit)
    return [batch async for batch in pages.walk(table, selection, batch_rows)]


def numbers(batches: Sequence[pa.RecordBatch]) -> list[int]:
    return [number for batch in batches for number in batch.column("n").to_pylist()]


async def turn_pages(table: tables.ServedTable, limit: int) -> list[int]:
    """All rows by pages, each behind the last key of the one before."""
    found: list[int] = []
    after = None
    while batches := [batch for batch in await collect(table, after, limit, 16) if batch.num_rows]:
        found += numbers(batches)
        after = batches[-1].column(pages.KEY)[-1].as_py()
    return found


@pytest.mark.parametrize("number", range(len(KEYS)), ids=[key[:24] for key in KEYS])
def test_a_key_of_any_type_is_walked_whole(file, number):
    with duckdb.connect(file, read_only=True) as connection:
        rows = connection.execute(f"SELECT n FROM keys ORDER BY k{number}").fetchall()  # noqa: S608
    expected = [n for (n,) in rows]

    async def read() -> None:
        table = open_table(file, Table("keys", f"k{number}"))
        for batch_rows in (7, 40):
            for limit in (None, 1, 39, 40, 41, ROWS):
                batches = await collect(table, None, limit, batch_rows)
                assert numbers(batches) == expected[:limit]
        assert await turn_pages(table, 23) == expected

    asyncio.run(read())


# Rows of tables that have no order, and how the refusal says why.
UNORDERED = {
    "NULL at the beginning": ("k", "nullif(n, 0)", "NULL"),
    "NULL at the end": ("k", f"nullif(n, {ROWS - 1})", "NULL"),
    "NULL everywhere": ("k", "NULL::BIGINT", "NULL"),
    "equal at the beginning": ("k", "greatest(n, 1)", "same"),
    "equal at the border of a page": ("k", "if(n = 40, 39, n)", "same"),
    "equal at the end": ("k", f"least(n, {ROWS - 2})", "same"),
    "equal in runs": ("k", "n // 3", "same"),
    "all equal": ("k", "5", "same"),
    "equal texts": ("k", "(n // 50)::VARCHAR", "same"),
    "equal but for case": ("k", "(['a', 'A'][1 + n % 2] || n // 2)::VARCHAR", "same"),
    "not a number": ("k", "if(n = 7, 'NaN'::DOUBLE, n::DOUBLE)", "NaN"),
    "two columns, one NULL": (["k", "n"], "nullif(n // 10, 3)", "NULL"),
    "two columns, equal": (["k", "m"], "n // 10", "same"),
    "none": ((), "n", "none"),
}


@pytest.mark.parametrize("has_view", [False, True], ids=["table", "view"])
@pytest.mark.parametrize("case", UNORDERED)
def test_what_has_no_order_is_refused_and_never_complete(tmp_path, case, has_view):
    """In a table before the first batch; in a view at the latest where it is."""
    key, value, reason = UNORDERED[case]
    with duckdb.connect(tmp_path / "t.duckdb") as connection:
        text = "VARCHAR COLLATE NOCASE" if "VARCHAR" in value else "DOUBLE"
        connection.execute(f"CREATE TABLE t (n BIGINT, m BIGINT, k {text})")
        rows = f"SELECT n, n % 5, {value} FROM range({ROWS}) AS rows(n)"  # noqa: S608
        connection.execute(f"INSERT INTO t {rows}")
        connection.execute("CREATE VIEW v AS FROM t")

    found: list[int] = []

    async def read(batch_rows: int, limit: int | None) -> None:
        table = open_table(tmp_path / "t.duckdb", Table("v" if has_view else "t", key), "my table")
        selection = pages.Selection(["n"], [], None, limit)
        async with aclosing(pages.walk(table, selection, batch_rows)) as batches:
            async for batch in batches:
                found.extend(numbers([batch]))

    for batch_rows, limit in ((7, None), (40, None), (200, None), (7, None if has_view else 2)):
        found.clear()
        with pytest.raises(pages.KeyProblem) as problem:
            asyncio.run(read(batch_rows, limit))
        detail = problem.value.detail
        assert all(part in detail for part in ("'my table'", reason, "/exports"))
        assert len(found) == len({*found})
        assert not found or has_view


COMPOSITE = {
    "a number and a text": (["g", "t"], "n % 4 AS g, 'x' || n AS t"),
    "three": (["a", "b", "c"], "n % 2 AS a, n // 2 % 3 AS b, -n AS c"),
    "names with quotes": (['a "b"', "ß,;"], 'n % 7 AS "a ""b""", n AS "ß,;"'),
}


@pytest.mark.parametrize("case", COMPOSITE)
def test_several_columns_are_one_key(tmp_path, case):
    key, columns = COMPOSITE[case]
    order = ", ".join('"{}"'.format(name.replace('"', '""')) for name in key)
    with duckdb.connect(tmp_path / "t.duckdb") as connection:
        rows = f"SELECT n, {columns} FROM range({ROWS}) AS rows(n) ORDER BY hash(n)"  # noqa: S608
        connection.execute(f"CREATE TABLE t AS {rows}")
        found = connection.execute(f"SELECT n FROM t ORDER BY {order}").fetchall()  # noqa: S608
    expected = [n for (n,) in found]

    async def read() -> None:
        table = open_table(tmp_path / "t.duckdb", Table("t", key))
        for batch_rows in (7, 40, 200):
            assert numbers(await collect(table, None, None, batch_rows)) == expected
        assert await turn_pages(table, 23) == expected

    asyncio.run(read())


# Keys of many rows whose gaps change, so that ranges of them are guessed wrong.
GAPS = {
    "none": "n",
    "wide": "n * 1000000007",
    "backwards": "-n",
    "first few, then many": "if(n < 1000, n * 100000, 100000000 + n)",
    "ever wider": "if(n < 1000, n, n * n * n * n)",
    "to the largest": "9223372036854775807 - n",
    "by chance": "hash(n)",
    "texts": "n::VARCHAR",
}


@pytest.fixture(scope="module")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pages") / "gaps.duckdb"
    columns = ", ".join(f'{key} AS "{name}"' for name, key in GAPS.items())
    rows = f"SELECT n, {columns} FROM range(1, 2501) AS rows(n) ORDER BY hash(n)"  # noqa: S608
    with duckdb.connect(file) as connection:
        connection.execute(f"CREATE TABLE t AS {rows}")
    return file


def in_order(file: Path, key: str) -> list[int]:
    with duckdb.connect(file, read_only=True) as connection:
        return [n for (n,) in connection.execute(f'SELECT n FROM t ORDER BY "{key}"').fetchall()]  # noqa: S608


@pytest.mark.parametrize("key", GAPS)
@pytest.mark.parametrize("limit", [None, 2001])
def test_ranges_that_are_guessed_wrong_lose_nothing(gaps, key, limit):
    batches = asyncio.run(collect(open_table(gaps, Table("t", key)), None, limit, 100))
    assert numbers(batches) == in_order(gaps, key)[:limit]
    assert max(batch.num_rows for batch in batches) <= 100


def test_rows_that_come_and_go_between_pages_disturb_no_other(tmp_path):
    """Another file takes the place of the one that is read."""
    file, other = tmp_path / "t.duckdb", tmp_path / "other.duckdb"
    changes = ["INSERT INTO t VALUES (1), (101), (999)", "DELETE FROM t WHERE n IN (2, 60, 98)"]

    def change(statement: str) -> None:
        if file.exists():
            shutil.copy(file, other)
        with duckdb.connect(other) as connection:
            connection.execute(statement)
        other.replace(file)

    async def read() -> list[int]:
        found: list[int] = []
        key: Any = None
        table = open_table(file, Table("t", "n"))
        while batches := [batch for batch in await collect(table, key, 20, 7) if batch.num_rows]:
            found += numbers(batches)
            key = batches[-1].column(pages.KEY)[-1].as_py()
            if changes:
                change(changes.pop())
        return found

    change("CREATE TABLE t AS SELECT 2 * range AS n FROM range(1, 101)")
    expected = [n for n in (*range(2, 201, 2), 101, 999) if n not in {60, 98}]
    assert asyncio.run(read()) == sorted(expected)


@pytest.mark.parametrize("key", ["id", "name", "value"])
def test_a_database_of_another_kind_is_walked_by_its_driver(tmp_path, key):
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("CREATE TABLE t (n INTEGER, id INTEGER, name TEXT, value REAL)")
        rows = [(n, -n, f"it's {n}", n / 7) for n in range(ROWS)]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
        expected = [n for (n,) in connection.execute(f"SELECT n FROM t ORDER BY {key}")]  # noqa: S608

    async def read() -> None:
        database = Database(
            connector_of(f"sqlite:///{tmp_path / 't.db'}"), pool_size=2, timeout_seconds=10
        )
        table = tables.ServedTable("t", Table("t", key), database)
        assert numbers(await collect(table, None, None, 16)) == expected
        assert await turn_pages(table, 23) == expected
        everything = exports.read_all(table, ["n"], [], batch_rows=16, snapshot_seconds=60)
        assert sorted(numbers([batch async for batch in everything])) == sorted(expected)
        database.close()

    asyncio.run(read())


@pytest.fixture
def rows_in_memory() -> Iterator[Callable[[], int]]:
    """Count the rows of all batches that are in memory and were not before."""

    def count() -> int:
        gc.collect()
        return sum(len(found) for found in gc.get_objects() if isinstance(found, pa.RecordBatch))

    gc.freeze()
    yield count
    gc.unfreeze()


@pytest.mark.slow
@pytest.mark.parametrize("key", ["none", "texts"])
@pytest.mark.parametrize("limit", [None, 2001])
@pytest.mark.parametrize("slow_at", [1, 2, 5, 20])
@pytest.mark.parametrize("patience", [0, 0.05])  # shorter and longer than a query takes
def test_what_was_read_ahead_for_a_slow_reader_is_let_go_and_read_again(
    gaps, monkeypatch, rows_in_memory, key, limit, slow_at, patience
):
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", patience)

    async def read() -> tuple[list[int], int]:
        batches, held = [], 0
        selection = pages.Selection(["n"], [], None, limit)
        async for batch in pages.walk(open_table(gaps, Table("t", key)), selection, 100):
            batches.append(batch)
            if len(batches) in {slow_at, slow_at + 1}:
                await asyncio.sleep(0.15)
                held = max(held, rows_in_memory() - sum(map(len, batches)))
        return numbers(batches), held

    found, held = asyncio.run(read())
    assert found == in_order(gaps, key)[:limit]
    assert held == 0


@pytest.mark.parametrize("slow_at", range(2, 6))
def test_nothing_is_lost_where_a_slow_reader_is_found_while_the_next_page_is_read(
    gaps, monkeypatch, slow_at
):
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0)

    async def read() -> list[pa.RecordBatch]:
        batches = []
        selection = pages.Selection(["n"], [], None, None)
        async for batch in pages.walk(open_table(gaps, Table("t", "none")), selection, 50):
            batches.append(batch)
            if len(batches) == slow_at:
                for _ in range(3):  # time for the timer, and not for the query
                    await asyncio.sleep(0)
        return batches

    assert numbers(asyncio.run(read())) == list(range(1, 2501))
