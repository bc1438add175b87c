"""The same promises over PostgreSQL, by ADBC."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.records import (
    Table,
    pages,
    tables,
)
from {{ cookiecutter.package_name }}.records.connections import (
    connector_of,
)
from {{ cookiecutter.package_name }}.records.database import (
    Database,
)

from tests.records import postgres

pytestmark = pytest.mark.slow

ROWS = 120
# A column of keys by its type, made from `n`, which goes from 0 to 119.
KEYS = {
    "smallint": "-32768 + n",
    "integer": "2147483647 - n * 1000",
    "bigint": "CASE n % 2 WHEN 0 THEN 9223372036854775807 - n ELSE -9223372036854775808 + n END",
    "numeric": "(n - 60) / 7.0 * 10::numeric ^ 60",
    "numeric(10, 2)": "n / 100.0",
    "text": r"""(ARRAY['', '''', '"', '\', E'\n', 'é', '東', '🌡️', 'e', 'E'])[1 + n % 10] || n / 10""",
    "varchar(20)": "'x' || n",
    "char(10)": "'x' || n",
    'text COLLATE "de-x-icu"': "(ARRAY['ä', 'Z', 'a', 'z'])[1 + n % 4] || n",
    "text COLLATE ignoring_case": "(ARRAY['a', 'B'])[1 + n % 2] || n",
    "mood": "(enum_range(NULL::mood))[1 + n]",
    "date": "CASE n WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '0044-03-15 BC'"
    " ELSE date '2026-01-01' + n END",
    "timestamp": "timestamp '2026-01-01 00:00:00.123456' + n * interval '1 microsecond'",
    "timestamptz": "CASE n WHEN 0 THEN 'infinity' WHEN 1 THEN '0044-03-15 10:00:00+00 BC'"
    " ELSE timestamptz '2026-01-01 00:00:00+05' - n * interval '1 microsecond' END",
    "time": "CASE n WHEN 0 THEN '24:00' ELSE time '23:59:59' - n * interval '1 second' END",
    "timetz": "(time '10:00' + n * interval '1 second')::text::timetz",
    "interval": "n * interval '1 hour'",
    "uuid": "md5(n::text)::uuid",
    "float8": "CASE n WHEN 0 THEN 'inf' WHEN 1 THEN '-inf' WHEN 2 THEN '5e-324'"
    " ELSE (n - 60) / 7.0 END",
    "float4": "(n - 60.5) / 7",
    "bytea": "decode(lpad(to_hex(n), 2, '0') || '00ff5c27', 'hex')",
    "inet": "inet '10.0.0.0' + n",
    "bit varying": "n::bit(8)::bit varying",
}
PREPARE = """
    CREATE COLLATION ignoring_case
        (provider = icu, locale = 'und-u-ks-level2', deterministic = false)
"""


@pytest.fixture(scope="module")
def database(require) -> Iterator[postgres.Database]:
    with postgres.required_database(require) as database:
        names = ", ".join(f"'{word}{n}'" for n, word in enumerate(["z", "a", "É", "b"] * 30))
        database.fetch(PREPARE)
        database.fetch(f"CREATE TYPE mood AS ENUM ({names})")
        columns = ", ".join(f"k{number} {sql_type}" for number, sql_type in enumerate(KEYS))
        database.fetch(f"CREATE TABLE keys (n bigint, {columns})")
        values = ", ".join(f"{key}" for key in KEYS.values())
        rows = f"SELECT n, {values} FROM generate_series(0, {ROWS - 1}) AS n ORDER BY md5(n::text)"  # noqa: S608
        database.fetch(f"INSERT INTO keys {rows}")
        database.fetch("CREATE TABLE repeats AS SELECT n, n / 2 AS k FROM generate_series(1, 9) n")
        database.fetch(
            "CREATE TABLE nulls AS SELECT n, nullif(n, 5) k FROM generate_series(1, 9) n"
        )
        database.fetch(
            "CREATE TABLE nans AS SELECT n, CASE n WHEN 5 THEN 'NaN'::float8 ELSE n END AS k"
            " FROM generate_series(1, 9) n"
        )
        database.fetch(
            "CREATE TABLE ignoring AS SELECT n, (CASE n % 2 WHEN 0 THEN 'A' ELSE 'a' END"
            " || n / 2) COLLATE ignoring_case k FROM generate_series(2, 9) n"
        )
        yield database


def open_table(database: postgres.Database, table: Table) -> tables.ServedTable:
    pool = Database(connector_of(database.url), pool_size=2, timeout_seconds=30)
    return tables.ServedTable("t", table, pool)


async def read(table: tables.ServedTable, after: Any, limit: int | None, rows: int) -> list[int]:
    selection = pages.Selection(["n"], [], after, limit)
    batches = [batch async for batch in pages.walk(table, selection, rows)]
    return [number for batch in batches for number in batch.column("n").to_pylist()]


@pytest.mark.parametrize("number", range(len(KEYS)), ids=KEYS)
def test_a_key_of_any_type_is_walked_whole(database, number):
    ordered = database.fetch(f"SELECT n, k{number}::text FROM keys ORDER BY keys.k{number}")  # noqa: S608
    expected = [n for n, _ in ordered]

    async def check() -> None:
        table = open_table(database, Table("keys", f"k{number}"))
        for limit in (None, 39, 40, 41):
            assert await read(table, None, limit, 40) == expected[:limit]
        after = {f"k{number}": ordered[29][1]}
        assert await read(table, after, None, 7) == expected[30:]
        table.database.close()

    asyncio.run(check())


@pytest.mark.parametrize(
    ("relation", "reason"),
    [("repeats", "same"), ("nulls", "NULL"), ("nans", "NaN"), ("ignoring", "same")],
)
def test_what_has_no_order_is_refused(database, relation, reason):
    async def check() -> None:
        table = open_table(database, Table(relation, "k"))
        with pytest.raises(pages.KeyProblem, match=reason):
            await read(table, None, None, 3)
        table.database.close()

    asyncio.run(check())
