import csv
import io
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.modules.jsonl.examples import (
    assert_problem,
    lines_of,
    records_at,
    serve_example,
)
from tests.records.postgres import ROWS, Database, required_database
from tests.streaming.fixtures import Server
from tests.streaming.stalled import stopped_reader
from tests.streaming.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database(require) -> Iterator[Database]:
    with required_database(require) as database:
        yield database


@pytest.fixture(scope="module")
def over_postgresql(serve, tmp_path_factory, database) -> Iterator[Server]:
    database_settings = {"DATABASE_URL": database.url, "DATABASE_POOL_SIZE": "1"}
    settings = {"JSONL_BATCH_ROWS": "1000", "JSONL_FOLLOW_SECONDS": "0.1"}
    folder = tmp_path_factory.mktemp("example")
    with serve_example(serve, folder, "postgresql.py", **database_settings, **settings) as server:
        yield server


def test_a_table_is_sent_whole_and_in_order_in_every_format(http, over_postgresql, database):
    def get(media_type: str) -> httpx2.Response:
        return http.get(records_at(over_postgresql), headers={"Accept": media_type})

    rows = database.fetch("SELECT id, site, value, note FROM readings ORDER BY id")
    array = get("application/json").json()
    assert [(r["id"], r["site"], r["value"], r["note"]) for r in array] == rows
    assert array[0]["recorded_at"] == "2026-01-01T00:00:01Z"
    assert lines_of(get("application/jsonl")) == array
    assert lines_of(get("application/x-ndjson")) == array
    table = list(csv.DictReader(io.StringIO(get("text/csv").text)))
    assert [(row["id"], row["note"] or None) for row in table] == [
        (str(record["id"]), record["note"]) for record in array
    ]


def test_a_table_is_resumed_while_rows_are_inserted(http, over_postgresql, database):
    ids, params = [], {"limit": ROWS // 3, "cursors": "true", "fields": "id"}
    while page := lines_of(http.get(records_at(over_postgresql), params=params)):
        ids += [record["id"] for record in page]
        params["after"] = page[-1]["@cursor"]
        if len(ids) < ROWS:
            database.record_readings(10)
    assert [(number,) for number in ids] == database.fetch("SELECT id FROM readings ORDER BY id")


def test_a_table_is_followed(http, over_postgresql, database):
    [(newest,)] = database.fetch("SELECT max(id) FROM readings")
    params = {"limit": newest + 2, "fields": "id", "follow": "true"}
    with http.stream("GET", records_at(over_postgresql), params=params) as response:
        database.record_readings(5)
        ids = [json.loads(line)["id"] for line in response.iter_lines() if line]
    assert ids == list(range(1, newest + 3))


def test_a_table_is_filtered(http, over_postgresql, database):
    params = {"site": "東京", "recorded_from": "2026-01-01T01:00:00+00:00", "fields": "id"}
    records = lines_of(http.get(records_at(over_postgresql), params=params))
    assert [(record["id"],) for record in records] == database.fetch(
        "SELECT id FROM readings WHERE site = '東京' AND recorded_at >= '2026-01-01 01:00Z'"
        " ORDER BY id"
    )
    response = http.get(records_at(over_postgresql), params={"site": "' OR true --"})
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("query", ["site=%00", "recorded_from=0001-01-01T00:00:00%2B14:00"])
def test_a_filter_that_postgresql_cannot_have_is_a_422(http, over_postgresql, query):
    response = http.get(f"{records_at(over_postgresql)}?{query}")
    assert_problem(response, 422, over_postgresql)


def test_csv_has_its_header_where_there_is_no_record(http, over_postgresql):
    params = {"site": "nowhere", "fields": "note,id", "format": "csv"}
    response = http.get(records_at(over_postgresql), params=params)
    assert (response.status_code, response.text) == (200, "note,id\n")


def test_a_reader_that_stands_still_holds_no_connection(http, over_postgresql, database):
    with stopped_reader(over_postgresql.url, "/records/readings"):
        for _ in range(3):
            response = http.get(records_at(over_postgresql), params={"limit": 1})
            assert len(lines_of(response)) == 1
        metrics = http.get(f"{over_postgresql.url}/metrics").text
        assert 'streaming_streams_open{module="jsonl"} 1.0' in metrics


def test_a_query_is_cancelled_when_its_client_leaves(http, over_postgresql, database):
    def waiting() -> list[Any]:
        return database.fetch("SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

    url = httpx2.URL(over_postgresql.url)
    with database.locked():
        with socket.create_connection((url.host, url.port)) as client:
            client.sendall(b"GET /records/readings HTTP/1.1\r\nHost: test\r\n\r\n")
            wait_until(waiting, 1)
        wait_until(lambda: not waiting(), 1)
    assert lines_of(http.get(records_at(over_postgresql), params={"limit": 1}))


def test_a_database_that_is_down_is_a_503_until_it_is_back(http, over_postgresql, database):
    database.stop()
    try:
        assert_problem(http.get(records_at(over_postgresql)), 503, over_postgresql)
    finally:
        database.start()
    assert lines_of(http.get(records_at(over_postgresql), params={"limit": 1}))
