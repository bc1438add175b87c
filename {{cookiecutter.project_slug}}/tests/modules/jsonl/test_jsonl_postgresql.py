"""Tables of PostgreSQL at `/records`, by two variables of the environment."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.records import postgres
from tests.records.strangers import rows_of as lines_of
from tests.streaming.fixtures import Server
from tests.streaming.stalled import stopped_reader
from tests.streaming.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database(require) -> Iterator[postgres.Database]:
    with postgres.required_database(require) as database:
        yield database


@pytest.fixture(scope="module")
def served(serve, database) -> Iterator[Server]:
    settings = {"DATABASE_URL": database.url, "DATABASE_POOL_SIZE": "1"}
    with serve(TABLES='{"readings": "id"}', JSONL_BATCH_ROWS="1000", **settings) as server:
        yield server


def test_a_table_is_served_by_two_variables(http, served, database):
    rows = database.fetch("SELECT id, site, value, note FROM readings ORDER BY id")
    records = lines_of(http.get(f"{served.url}/records/readings"))
    assert [(r["id"], r["site"], r["value"], r["note"]) for r in records] == rows
    assert http.get(f"{served.url}/readyz").status_code == 200


def test_its_columns_are_filters(http, served, database):
    query = "site=東京&recorded_at_from=2026-01-01T01:00:00%2B00:00&id_before=9000&fields=id"
    found = lines_of(http.get(f"{served.url}/records/readings?{query}"))
    assert [(record["id"],) for record in found] == database.fetch(
        "SELECT id FROM readings WHERE site = '東京' AND recorded_at >= '2026-01-01 01:00Z'"
        " AND id < 9000 ORDER BY id"
    )
    assert lines_of(http.get(f"{served.url}/records/readings?site=' OR true --")) == []
    for wrong in ("site=%00", "id=9223372036854775808", "recorded_at_from=soon"):
        response = http.get(f"{served.url}/records/readings?{wrong}")
        assert response.status_code == 422
        [error] = response.json()["errors"]
        assert error["location"] == f"query.{wrong.partition('=')[0]}"


def test_a_reader_that_stands_still_holds_no_connection(http, served):
    with stopped_reader(served.url, "/records/readings"):
        for _ in range(3):
            response = http.get(f"{served.url}/records/readings?limit=1")
            assert len(lines_of(response)) == 1


def test_a_query_is_cancelled_when_its_client_leaves(http, served, database):
    def waiting() -> list[Any]:
        return database.fetch("SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

    assert lines_of(http.get(f"{served.url}/records/readings?limit=1"))  # it has been described
    url = httpx2.URL(served.url)
    with database.locked():
        with socket.create_connection((url.host, url.port)) as client:
            client.sendall(b"GET /records/readings HTTP/1.1\r\nHost: test\r\n\r\n")
            wait_until(waiting, 5)
        wait_until(lambda: not waiting(), 1)
    assert lines_of(http.get(f"{served.url}/records/readings?limit=1"))


def test_a_database_that_is_down_is_a_503_until_it_is_back(http, served, database):
    database.stop()
    try:
        response = http.get(f"{served.url}/records/readings")
        assert response.status_code == 503
        assert "hunter2" not in response.text
        wait_until(lambda: http.get(f"{served.url}/readyz").status_code == 503, 10)
    finally:
        database.start()
    wait_until(lambda: http.get(f"{served.url}/readyz").status_code == 200, 10)
    assert lines_of(http.get(f"{served.url}/records/readings?limit=1"))
    assert "hunter2" not in served.log
