"""A table with a column of every type, over a socket."""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from tests.records.postgres import required_database
from tests.records.types import (
    DUCKDB,
    POSTGRESQL,
    TYPES_OF_POSTGRESQL,
    Value,
    record_of,
    table_statement,
)

ROWS = 50
SETTINGS = {"TABLES": '{"every": "id"}', "JSONL_BATCH_ROWS": "7"}
Served = tuple[str, dict[str, Value]]


@pytest.fixture(scope="module")
def over_duckdb(serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = tmp_path_factory.mktemp("every") / "every.duckdb"
    statement, columns = table_statement(DUCKDB, f"range(1, {ROWS + 1}) AS r(i)")
    with duckdb.connect(file) as connection:
        connection.execute(statement)
    with serve(DATABASE_URL=f"duckdb:///{file}", **SETTINGS) as server:
        yield server.url, columns


@pytest.fixture(scope="module")
def over_postgresql(serve, require) -> Iterator[Served]:
    statement, columns = table_statement(POSTGRESQL, f"generate_series(1, {ROWS}) AS i")
    with required_database(require) as database:
        for each in (*TYPES_OF_POSTGRESQL, statement, "ALTER TABLE every ADD PRIMARY KEY (id)"):
            database.fetch(each)
        with serve(DATABASE_URL=database.url, **SETTINGS) as server:
            yield server.url, columns


DATABASES = ["over_duckdb", pytest.param("over_postgresql", marks=pytest.mark.slow)]


@pytest.fixture(params=DATABASES)
def every(request: pytest.FixtureRequest) -> Served:
    return request.getfixturevalue(request.param)


def test_every_type_arrives_in_json(http, every):
    url, columns = every
    expected: list[Any] = [record_of(row, columns) for row in range(1, ROWS + 1)]
    lines = http.get(f"{url}/records/every").text.split("\n")[:-1]
    assert [json.loads(line) for line in lines] == expected
    array = http.get(f"{url}/records/every", params={"limit": 9, "format": "json"}).json()
    assert array == expected[:9]


def test_every_type_arrives_in_csv(http, every):
    url, columns = every
    response = http.get(f"{url}/records/every?format=csv&limit={ROWS}")
    header, *lines, _ = response.text.split("\n")
    assert (response.status_code, len(lines)) == (200, ROWS)
    assert header.split(",") == ["id", *columns]
    assert lines[1] == f"2{',' * len(columns)}"


def test_a_table_that_has_no_row_has_every_type_all_the_same(http, every):
    url, columns = every
    response = http.get(f"{url}/records/every?format=csv&id_from={ROWS + 1}")
    assert response.text == f"{','.join(['id', *columns])}\n"
