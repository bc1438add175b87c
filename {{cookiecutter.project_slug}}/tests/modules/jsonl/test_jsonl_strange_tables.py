"""Tables, views and columns as they should not be, in DuckDB and in PostgreSQL."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote

import duckdb
import httpx2
import pytest

from tests.records import postgres
from tests.records.strangers import rows_of

LETTERS = "x" * 1_000_000
NAME = '"odd ""schema"" é"."t.a b;--"'
ODD = {"id": 1, 'sel"ect': 2, "WHERE": "w", "@cursor": 3, "key": 4, "%s $1;": 5}


class Case(NamedTuple):
    """How a table is made, its key, and the rows that come, or the status and a part of why not."""

    statements: list[str]
    key: Any
    rows: list[dict[str, Any]] | tuple[int, str]


BOTH = {
    NAME: Case(
        [
            'CREATE SCHEMA "odd ""schema"" é"',
            f"""CREATE TABLE {NAME} (id int PRIMARY KEY, "sel""ect" int, "WHERE" text,
                "@cursor" int, "key" int, "%s $1;" int)""",
            f"INSERT INTO {NAME} VALUES (1, 2, 'w', 3, 4, 5)",  # noqa: S608
        ],
        "id",
        [ODD],
    ),
    "empty": Case(["CREATE TABLE empty (id int PRIMARY KEY, a text)"], "id", []),
    "Upper": Case(
        ['CREATE TABLE "Upper" ("Id" int)', 'INSERT INTO "Upper" VALUES (1)'], "Id", [{"Id": 1}]
    ),
    "huge": Case(
        [
            "CREATE TABLE huge (id int PRIMARY KEY, a text)",
            *(f"INSERT INTO huge VALUES ({n}, repeat('x', 1000000))" for n in range(5)),  # noqa: S608
        ],
        "id",
        [{"id": n, "a": LETTERS} for n in range(5)],
    ),
    "shown": Case(
        ["CREATE VIEW shown AS SELECT 1 AS id UNION ALL SELECT 2"], "id", [{"id": 1}, {"id": 2}]
    ),
    "hollow": Case(
        [
            "CREATE TABLE below (id int, a int)",
            "INSERT INTO below VALUES (1, 2)",
            "CREATE VIEW hollow AS SELECT id FROM below",
        ],
        "a",
        (503, "has no column 'a'"),
    ),
    "missing": Case([], "id", (503, "no table 'missing'")),
    "without key": Case(
        ['CREATE TABLE "without key" (a int)'], None, (409, "in the order of its key: it has none")
    ),
}
DUCKDB = {
    **BOTH,
    "generated": Case(
        [
            "CREATE TABLE generated (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2))",
            "INSERT INTO generated (id) VALUES (1), (2)",
        ],
        "id",
        [{"id": 1, "twice": 2}, {"id": 2, "twice": 4}],
    ),
    "main.empty": Case([], "id", []),
    "broken": Case(
        [
            "CREATE TABLE gone (id int)",
            "CREATE VIEW broken AS FROM gone",
            "DROP TABLE gone",
        ],
        "id",
        (503, "no table 'broken'"),
    ),
}
POSTGRESQL = {
    **BOTH,
    "generated": Case(
        [
            """CREATE TABLE generated (id int PRIMARY KEY,
                twice int GENERATED ALWAYS AS (id * 2) STORED)""",
            "INSERT INTO generated (id) VALUES (1), (2)",
        ],
        "id",
        [{"id": 1, "twice": 2}, {"id": 2, "twice": 4}],
    ),
    "parted": Case(
        [
            "CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id)",
            "CREATE TABLE parted_a PARTITION OF parted FOR VALUES FROM (0) TO (2)",
            "CREATE TABLE parted_b PARTITION OF parted FOR VALUES FROM (2) TO (9)",
            "INSERT INTO parted VALUES (3), (1)",
        ],
        "id",
        [{"id": 1}, {"id": 3}],
    ),
    "parent": Case(
        [
            "CREATE TABLE parent (id int PRIMARY KEY)",
            "CREATE TABLE child () INHERITS (parent)",
            "INSERT INTO parent VALUES (1)",
            "INSERT INTO child VALUES (1)",
        ],
        "id",
        (409, "some rows have the same"),
    ),
    "partial": Case(
        [
            "CREATE TABLE partial (id int NOT NULL, a int)",
            "CREATE UNIQUE INDEX ON partial (id) WHERE a > 0",
            "INSERT INTO partial VALUES (1, 0), (1, 0)",
        ],
        "id",
        (409, "some rows have the same"),
    ),
    "made": Case(
        ["CREATE MATERIALIZED VIEW made AS SELECT 1 AS id, 'a' AS a"], "id", [{"id": 1, "a": "a"}]
    ),
    "less": Case(
        [
            "CREATE TABLE less (id int PRIMARY KEY, a int, b int)",
            "ALTER TABLE less DROP COLUMN a",
            "INSERT INTO less VALUES (1, 2)",
        ],
        "id",
        [{"id": 1, "b": 2}],
    ),
    "secret": Case(
        ["CREATE TABLE secret (id int PRIMARY KEY)", "REVOKE ALL ON secret FROM reader"],
        "id",
        (503, "does not let its user read 'secret'"),
    ),
}
# Values that are equal, by columns of types that PostgreSQL has of its own.
TYPES = {
    "mood": ("'it''s'", "it's"),
    '"Odd Type"': ("'a'", "a"),
    "inet": ("'10.0.0.1'", "10.0.0.1"),
    "cidr": ("'10.0.0.0/8'", "10.0.0.0/8"),
    "macaddr": ("'08:00:2b:01:02:03'", "08-00-2b-01-02-03"),
    "small": ("5", "5"),
    "pair": ("(1, 'a')", "(1,a)"),
    "int4range": ("'[1,3)'", "[1,2]"),
    "time": ("'10:00'", "10:00:00"),
    "interval": ("'1 day'", "P1D"),
    "bit(3)": ("B'101'", "101"),
    "pg_lsn": ("'0/1'", "0/1"),
}
MAKE_TYPES = [
    "CREATE TYPE mood AS ENUM ('sad', 'it''s')",
    "CREATE TYPE \"Odd Type\" AS ENUM ('a', 'b')",
    "CREATE DOMAIN small AS int CHECK (VALUE < 10)",
    "CREATE TYPE pair AS (x int, y text)",
    "CREATE TABLE types (id int PRIMARY KEY, {})".format(
        ", ".join(f"t{n} {sql_type}" for n, sql_type in enumerate(TYPES))
    ),
    f"INSERT INTO types VALUES (1, {', '.join(value for value, _ in TYPES.values())})",  # noqa: S608
    f"INSERT INTO types VALUES (2{', NULL' * len(TYPES)})",  # noqa: S608
    "CREATE TABLE without_equality (id int PRIMARY KEY, j json, p point, x xml, b bytea, a int[])",
]


def tables_of(cases: Mapping[str, Case], **others: Any) -> str:
    return json.dumps({**{name: case.key for name, case in cases.items()}, **others})


@pytest.fixture(scope="module")
def in_duckdb(serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("strange") / "strange.duckdb"
    with duckdb.connect(file) as connection:
        for case in DUCKDB.values():
            for statement in case.statements:
                connection.execute(statement)
    with serve(DATABASE_URL=f"duckdb:///{file}", TABLES=tables_of(DUCKDB)) as server:
        yield server.url


@pytest.fixture(scope="module")
def database(require) -> Iterator[postgres.Database]:
    with postgres.required_database(require) as database:
        database.fetch("CREATE ROLE reader LOGIN")
        database.fetch("GRANT pg_read_all_data TO reader")
        for statement in [
            *MAKE_TYPES,
            *(s for case in POSTGRESQL.values() for s in case.statements),
        ]:
            database.fetch(statement)
        # What may read all data would also read what is secret.
        database.fetch("REVOKE pg_read_all_data FROM reader")
        database.fetch('GRANT USAGE ON SCHEMA "odd ""schema"" é" TO reader')
        for schema in ("public", '"odd ""schema"" é"'):
            database.fetch(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader")
        database.fetch("REVOKE ALL ON secret FROM reader")
        yield database


@pytest.fixture(scope="module")
def in_postgresql(serve, database) -> Iterator[str]:
    others = dict.fromkeys(["types", "without_equality", "altered", "dropped"], "id")
    tables = tables_of(POSTGRESQL, **others)
    url = database.url.replace("postgresql://postgres:hunter2@", "Postgres+psycopg://reader@")
    with serve(DATABASE_URL=url, TABLES=tables) as server:
        yield server.url


def check(http: httpx2.Client, url: str, name: str, case: Case) -> None:
    path = f"{url}/records/{quote(name, safe='')}"
    if isinstance(case.rows, list):
        assert rows_of(http.get(path)) == case.rows
        assert rows_of(http.get(f"{path}?limit=1")) == case.rows[:1]
    else:
        status, reason = case.rows
        response = http.get(path)
        assert response.status_code == status
        assert reason in response.json()["detail"]


@pytest.mark.parametrize("name", DUCKDB)
def test_a_strange_table_of_duckdb_is_right_or_refused(http, in_duckdb, name):
    check(http, in_duckdb, name, DUCKDB[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", POSTGRESQL)
def test_a_strange_table_of_postgresql_is_right_or_refused(http, in_postgresql, name):
    check(http, in_postgresql, name, POSTGRESQL[name])


@pytest.mark.slow
@pytest.mark.parametrize("sql_type", TYPES)
def test_a_column_of_a_type_of_postgresql_is_filtered_by_its_value(http, in_postgresql, sql_type):
    column = f"t{[*TYPES].index(sql_type)}"
    asked = {"fields": "id", column: TYPES[sql_type][1]}
    assert rows_of(http.get(f"{in_postgresql}/records/types", params=asked)) == [{"id": 1}]


@pytest.mark.slow
@pytest.mark.parametrize("column", ["j", "p", "x", "b", "a"])
def test_what_has_no_equality_is_no_filter(http, in_postgresql, column):
    response = http.get(f"{in_postgresql}/records/without_equality", params={column: "1"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == f"query.{column}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "change"),
    [("altered", "ALTER TABLE altered DROP COLUMN a"), ("dropped", "DROP TABLE dropped")],
)
def test_a_table_that_changes_in_the_middle_is_never_complete(
    http, in_postgresql, database, name, change
):
    database.fetch(f"CREATE TABLE {name} (id int PRIMARY KEY, a text)")
    rows = "SELECT n, repeat('a', 1000) FROM generate_series(1, 50000) AS n"
    database.fetch(f"INSERT INTO {name} {rows}")
    database.fetch(f"GRANT SELECT ON {name} TO reader")
    received = b""
    with http.stream("GET", f"{in_postgresql}/records/{name}?end=true") as response:
        chunks = response.iter_bytes()
        received += next(chunks)
        database.fetch(change)
        with suppress(httpx2.RemoteProtocolError):
            for chunk in chunks:
                received += chunk
    end = json.loads(received.splitlines()[-1])["@end"]
    assert end["status"] == "error"
    assert end["records"] == received.count(b"\n") - 1
