"""Anybody's tables at `/exports`, by two variables of the environment."""

import csv
import io
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest
from openapi_spec_validator import validate

from tests.records import strangers
from tests.records.strangers import rows_of


@pytest.fixture(scope="module")
def stranger(serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("stranger") / "data.duckdb"
    with serve(**strangers.environment_of(file)) as server:
        yield server.url


@pytest.mark.parametrize("name", ["orders", "sales.by day", "no key", "repeats"])
def test_a_table_is_exported_whole_whatever_its_key(http, stranger, name):
    counts = {"orders": strangers.ROWS, "sales.by day": 1_000, "no key": 1, "repeats": 100}
    body = http.get(f"{stranger}/exports/{name}?format=parquet").content
    assert pq.read_table(io.BytesIO(body)).num_rows == counts[name]


@pytest.mark.parametrize("query", strangers.FILTERS)
def test_columns_are_filters_for_values_and_ranges(http, stranger, query):
    url = f"{stranger}/exports/orders?format=jsonl"
    expected = [row for row in rows_of(http.get(url)) if strangers.FILTERS[query](row)]
    assert rows_of(http.get(f"{url}&{query}")) == expected


@pytest.mark.parametrize(("query", "named"), strangers.WRONG)
def test_what_cannot_be_asked_is_named(http, stranger, query, named):
    response = http.get(f"{stranger}/exports/orders?{query.format(columns='columns')}")
    assert response.status_code == 422, response.text
    [error] = response.json()["errors"]
    assert error["location"] == f"query.{named.format(columns='columns')}"


@pytest.mark.parametrize(("name", "file_name"), strangers.FILE_NAMES)
def test_a_table_may_have_any_name(http, stranger, name, file_name):
    for ask in (http.get, http.head):
        response = ask(f"{stranger}/exports/{name}?format=csv")
        assert response.status_code == 200
        assert file_name in response.headers["content-disposition"]


def test_columns_come_in_the_order_in_which_they_are_asked_for(http, stranger):
    text = http.get(f"{stranger}/exports/orders?columns=due,id&id=3").text
    assert list(csv.reader(io.StringIO(text))) == [["due", "id"], ["2026-01-04", "3"]]


def test_openapi_has_the_columns_of_the_database(http, stranger):
    document = http.get(f"{stranger}/openapi.json").json()
    validate(document)
    operation = document["paths"]["/exports/orders"]["get"]
    parameters = {each["name"]: each["schema"] for each in operation["parameters"]}
    assert parameters["columns"]["items"]["enum"][:2] == ["id", "customer"]
    row = operation["responses"]["200"]["content"]["application/jsonl"]["itemSchema"]
    assert row["properties"]["total"] == {"type": ["number", "null"]}


def test_a_setting_chooses_pages_in_place_of_a_snapshot(http, serve, tmp_path):
    environment = strangers.environment_of(tmp_path / "data.duckdb")
    with serve(BATCH_EXPORT_SNAPSHOT_SECONDS="0", **environment) as server:
        rows = rows_of(http.get(f"{server.url}/exports/orders?format=jsonl&columns=total"))
        assert [row["total"] for row in rows] == [n / 4 for n in range(1, strangers.ROWS + 1)]
        assert http.get(f"{server.url}/exports/repeats").status_code == 409
