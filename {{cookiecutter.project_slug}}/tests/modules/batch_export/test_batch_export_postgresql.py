"""Tables of PostgreSQL at `/exports`, by two variables of the environment."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.modules.batch_export.jobs import Jobs
from tests.modules.batch_export.test_batch_export import read_csv
from tests.records import postgres
from tests.records.strangers import rows_of
from tests.streaming.fixtures import Server
from tests.streaming.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database(require) -> Iterator[postgres.Database]:
    with postgres.required_database(require) as database:
        yield database


@pytest.fixture(scope="module")
def served(serve, database) -> Iterator[Server]:
    with serve(DATABASE_URL=database.url, TABLES='{"readings": null}') as server:
        yield server


def test_a_table_is_exported_whole_and_by_its_columns(http, served, database):
    url = f"{served.url}/exports/readings?format=jsonl"
    rows = rows_of(http.get(url))
    found = sorted((row["id"], row["site"], row["value"], row["note"]) for row in rows)
    assert found == database.fetch("SELECT id, site, value, note FROM readings ORDER BY id")
    some = rows_of(http.get(f"{url}&columns=site,id&id_before=4&site=東京"))
    expected = database.fetch("SELECT site, id FROM readings WHERE id < 4 AND site = '東京'")
    assert sorted(tuple(row.values()) for row in some) == sorted(expected)


def test_a_job_exports_a_table_by_its_key(http, serve, database, tmp_path):
    settings = {
        "BATCH_EXPORT_BATCH_ROWS": "100",
        "BATCH_EXPORT_SEGMENT_BYTES": "50000",
        "BATCH_EXPORT_STORAGE_URL": tmp_path.as_uri(),
    }
    with serve(DATABASE_URL=database.url, TABLES='{"readings": "id"}', **settings) as server:
        jobs = Jobs(http, server.url)
        job = jobs.wait(jobs.start("readings", id_from=3, columns=["site", "id"]))
        ids = [id for segment in job["segments"] for id in read_csv(jobs.fetch(segment))]
    assert len(job["segments"]) > 2
    assert ids == [
        id for (id,) in database.fetch("SELECT id FROM readings WHERE id > 2 ORDER BY 1")
    ]


def test_a_query_is_cancelled_when_its_client_leaves(http, served, database):
    def waiting() -> list[Any]:
        return database.fetch("SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

    http.get(f"{served.url}/exports/readings?id=1")  # the table has been described
    url = httpx2.URL(served.url)
    with database.locked():
        with socket.create_connection((url.host, url.port)) as client:
            client.sendall(b"GET /exports/readings HTTP/1.1\r\nHost: test\r\n\r\n")
            wait_until(waiting, 5)
        wait_until(lambda: not waiting(), 1)


def test_a_reader_that_leaves_gives_its_snapshot_back(http, served, database):
    def open_snapshots() -> list[Any]:
        return database.fetch(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE '%exported%'"
            " AND state = 'active' AND pid <> pg_backend_pid()"
        )

    for _ in range(12):  # more than there are connections
        with http.stream("GET", f"{served.url}/exports/readings") as response:
            next(response.iter_raw())
    wait_until(lambda: not open_snapshots(), 5)
    assert http.get(f"{served.url}/exports/readings?id=1").status_code == 200
