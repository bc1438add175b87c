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


# What has another text than the databases take: years of five digits, and lengths of time.
NO_FILTERS = ("+", "-0", "P")


def test_what_arrives_can_be_asked_for(http, every):
    url, columns = every
    parameters = filters_of(http, url)
    [row] = http.get(f"{url}/records/every?format=json&limit=1").json()
    for name, value in row.items():
        if name not in parameters or value is None or str(value).startswith(NO_FILTERS):
            continue
        text = json.dumps(value) if isinstance(value, bool) else str(value)
        response = http.get(f"{url}/records/every", params={name: text, "limit": 1})
        assert response.status_code == 200, (columns.get(name), response.text)
        assert response.json() == row, columns.get(name)


def test_openapi_says_what_a_filter_may_be(http, every):
    url, columns = every
    table = f"{url}/records/every"
    limited: dict[str, dict[str, Any]] = {
        "smallint": {"type": "integer", "minimum": -32768, "maximum": 32767},
        "DECIMAL(18, 2)": {"type": "number", "maximum": 9999999999999999.99},
        "ENUM('a', 'b')": {"type": "string", "enum": ["a", "b"]},
    }
    for name, schema in filters_of(http, url).items():
        expected = limited.get(columns[name].type, {}) if name in columns else {}
        assert schema.items() >= expected.items()
        if schema.get("type") == "integer" and "maximum" in schema:
            for least_or_most, beyond in (("minimum", -1), ("maximum", 1)):
                number = schema[least_or_most]
                assert http.get(table, params={name: number, "limit": 1}).status_code == 200
                refused = http.get(table, params={name: number + beyond, "limit": 1})
                assert (refused.status_code, name in refused.text) == (422, True)


def filters_of(http, url: str) -> dict[str, Any]:
    """The parameters of the table, with their schemas."""
    operation = http.get(f"{url}/openapi.json").json()["paths"]["/records/every"]["get"]
    return {each["name"]: each["schema"] for each in operation["parameters"]}


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
