import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.modules.jsonl.examples import (
    FIELDS,
    SECRET,
    assert_problem,
    lines_of,
    records_at,
    serve_example,
)
from tests.modules.jsonl.upstream import Upstream, upstream_of
from tests.records.readings import ROWS
from tests.streaming.aborted import until_aborted
from tests.streaming.fixtures import Server, free_port
from tests.streaming.stalled import MIB, stopped_reader

pytestmark = pytest.mark.slow

# The sockets on both sides of a relay take some of it: Linux lets each grow to up to 32 MiB.
MOST_BYTES_AHEAD = 64 * MIB


@pytest.fixture(scope="module")
def relay(serve, tmp_path_factory, service) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("example")
    with upstream_of(service) as url:
        settings = {"UPSTREAM_URL": url, "UPSTREAM_TOKEN": SECRET, "UPSTREAM_TIMEOUT_SECONDS": "2"}
        with serve_example(serve, folder, "upstream.py", **settings) as server:
            yield server


@pytest.mark.parametrize(
    "query",
    [
        f"limit={ROWS}",
        "limit=3",
        "limit=9000&site=Lyon&recorded_at_from=2026-01-01T03:00:00%2B01:00",
    ],
)
def test_the_records_of_upstream_are_relayed_as_they_are(http, relay, service, query):
    path = f"/records/readings?fields={','.join(FIELDS)}&{query}"
    relayed = http.get(relay.url + path).content
    assert relayed == http.get(service + path).content
    assert rb"\u2028" in relayed or relayed.count(b"\n") == 3


def test_csv_has_its_header_where_there_is_no_record(http, relay):
    params = {"site": "nowhere", "fields": "note,id", "format": "csv", "locale": "de"}
    response = http.get(records_at(relay), params=params)
    assert (response.status_code, response.text) == (200, "note;id\n")


def test_what_is_relayed_is_resumed_by_a_cursor(http, relay):
    def get(**params: Any) -> list[Any]:
        return lines_of(http.get(records_at(relay), params={"cursors": "true", **params}))

    first = get(limit=5)
    rest = get(limit=3, after=first[1]["@cursor"])
    assert rest == first[2:]
    assert [record["id"] for record in first] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("failure", ["failing", "html"])
@pytest.mark.parametrize("format", ["jsonl", "json", "csv"])
def test_an_upstream_that_fails_is_a_502(http, relay, failure, format):
    params = {"site": failure, "format": format}
    assert_problem(http.get(records_at(relay), params=params), 502, relay)


def test_an_upstream_that_refuses_is_a_502(http, serve, tmp_path):
    url = f"http://user:{SECRET}@127.0.0.1:{free_port()}"
    with serve_example(serve, tmp_path, "upstream.py", UPSTREAM_URL=url) as relay:
        assert_problem(http.get(records_at(relay)), 502, relay)


def test_an_upstream_that_stalls_is_a_504(http, relay):
    assert_problem(http.get(records_at(relay), params={"site": "silent"}), 504, relay)


def assert_broken_off(http: httpx2.Client, relay: Server, **params: str) -> None:
    """The records end with an error, and then the connection is aborted."""
    params["end"] = "true"
    with http.stream("GET", records_at(relay), params=params) as response:
        *records, last, nothing = b"".join(until_aborted(response.iter_bytes())).split(b"\n")
    end = json.loads(last)["@end"]
    assert (end["status"], end["records"]) == ("error", len(records))
    assert end["problem"]["status"] == 502
    assert SECRET.encode() not in last
    assert records
    assert not nothing


def test_an_upstream_that_is_cut_off_fails_the_stream(http, relay, monkeypatch):
    monkeypatch.setattr(Upstream, "cuts", 1)
    monkeypatch.setattr(Upstream, "cut_after", 1_000_000)
    assert_broken_off(http, relay)


def test_a_line_of_upstream_that_is_no_record_fails_the_stream(http, relay):
    assert_broken_off(http, relay, site="broken")


def test_a_record_is_relayed_at_once_and_upstream_is_left_with_the_client(http, relay):
    with http.stream("GET", records_at(relay), params={"site": "waiting"}) as response:
        lines = response.iter_lines()  # without a name it would be closed, the connection too
        assert json.loads(next(lines))["id"] == 1
        assert not Upstream.left.wait(0.5)
    assert Upstream.left.wait(1)


def test_upstream_is_not_read_ahead_of_a_reader_that_stands_still(relay):
    with stopped_reader(relay.url, "/records/readings?site=endless"):
        sent = -1
        while sent != Upstream.sent:
            sent = Upstream.sent
            time.sleep(0.5)
        assert 0 < sent < MOST_BYTES_AHEAD
    assert Upstream.left.wait(1)
