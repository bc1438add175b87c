"""Anybody's tables at `/records`, by two variables of the environment."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from openapi_spec_validator import validate

from tests.records import strangers
from tests.records.strangers import rows_of
from tests.streaming.waiting import wait_until


@pytest.fixture(scope="module")
def stranger(serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("stranger") / "data.duckdb"
    with serve(**strangers.environment_of(file)) as server:
        yield server.url


def test_a_table_is_sent_whole_in_the_order_of_its_key(http, stranger):
    rows = rows_of(http.get(f"{stranger}/records/orders"))
    assert [row["id"] for row in rows] == list(range(1, strangers.ROWS + 1))
    assert http.get(f"{stranger}/readyz").status_code == 200


@pytest.mark.parametrize("query", strangers.FILTERS)
def test_columns_are_filters_for_values_and_ranges(http, stranger, query):
    everything = rows_of(http.get(f"{stranger}/records/orders"))
    expected = [row for row in everything if strangers.FILTERS[query](row)]
    assert rows_of(http.get(f"{stranger}/records/orders?{query}")) == expected


@pytest.mark.parametrize(("query", "named"), strangers.WRONG)
def test_what_cannot_be_asked_is_named(http, stranger, query, named):
    response = http.get(f"{stranger}/records/orders?{query.format(columns='fields')}")
    assert response.status_code == 422, response.text
    [error] = response.json()["errors"]
    assert error["location"] == f"query.{named.format(columns='fields')}"


def test_thousands_of_wrong_names_make_a_small_problem(http, stranger):
    names = ",".join(f"n{number}" for number in range(4_000))
    unknown = "&".join(f"n{number}=1" for number in range(3_000))
    for query in (f"fields={names}", unknown):
        response = http.get(f"{stranger}/records/orders?{query}")
        assert response.status_code == 422
        assert len(response.content) < 10_000


@pytest.mark.parametrize(("name", "file_name"), strangers.FILE_NAMES)
def test_a_table_may_have_any_name(http, stranger, name, file_name):
    url = f"{stranger}/records/{name}"
    first = rows_of(http.get(url))[0]
    assert first in ({"id": 1, "a b": "eins", 'x"y': "q"}, {"day": 0, "shop": "shop 0", "sum": 0})
    for ask in (http.get, http.head):
        response = ask(f"{url}?format=csv&download=true")
        assert response.status_code == 200
        assert file_name in response.headers["content-disposition"]


def test_columns_that_are_named_like_parameters_are_served(http, stranger):
    row, end = rows_of(http.get(f"{stranger}/records/limits?limit=9&end=true"))
    assert row == {"limit": 1, "format": 2, "@key": 3, "model_x": 4, "_y": 5}
    assert end["@end"]["status"] == "complete"
    assert rows_of(http.get(f"{stranger}/records/limits?model_x=4&_y=5&limit_from=1"))


@pytest.mark.parametrize("name", ["no key", "repeats"])
def test_a_table_that_cannot_be_walked_is_refused_with_the_remedy(http, stranger, name):
    response = http.get(f"{stranger}/records/{name}")
    problem = response.json()
    assert (response.status_code, problem["type"]) == (409, "/problems/unordered-key")
    assert name in problem["detail"]
    assert "/exports" in problem["detail"]


def test_openapi_has_the_columns_of_the_database(http, stranger):
    document = http.get(f"{stranger}/openapi.json").json()
    validate(document)
    assert "/records/we%2Fird%20%C3%A9%20%E6%9D%B1" in document["paths"]
    operation = document["paths"]["/records/orders"]["get"]
    parameters = {each["name"]: each["schema"] for each in operation["parameters"]}
    assert parameters["total_from"] == {"type": "number"}
    assert parameters["at_before"] == {"type": "string", "format": "date-time"}
    content = operation["responses"]["200"]["content"]["application/jsonl"]
    [row, _] = content["itemSchema"]["anyOf"]
    assert row["properties"]["is_paid"] == {"type": ["boolean", "null"]}


def test_a_database_that_comes_late_is_waited_for(http, serve, tmp_path: Path):
    file = tmp_path / "late.duckdb"
    with serve(DATABASE_URL=f"duckdb:///{file}", TABLES='{"orders": "id", "more": "id"}') as server:
        assert http.get(f"{server.url}/readyz").status_code == 503
        response = http.get(f"{server.url}/records/orders")
        assert (response.status_code, response.json()["type"]) == (
            503,
            "/problems/database-unavailable",
        )
        with duckdb.connect(file) as connection:
            connection.execute(f"CREATE TABLE orders AS {strangers.ORDERS}")
        wait_until(lambda: "'more'" in http.get(f"{server.url}/readyz").text, 10)
        assert "'orders'" not in http.get(f"{server.url}/readyz").json()["detail"]
        assert "/records/orders" in http.get(f"{server.url}/openapi.json").json()["paths"]
        assert rows_of(http.get(f"{server.url}/records/orders?limit=1"))[0]["id"] == 1
        file.unlink()
        wait_until(lambda: "cannot be reached" in http.get(f"{server.url}/readyz").text, 10)
        with duckdb.connect(file) as connection:
            connection.execute("CREATE TABLE orders AS SELECT 5 AS id")
            connection.execute("CREATE TABLE more AS SELECT 6 AS id")
        wait_until(lambda: http.get(f"{server.url}/readyz").status_code == 200, 10)
        assert rows_of(http.get(f"{server.url}/records/orders")) == [{"id": 5}]
