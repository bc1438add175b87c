import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice

import httpx2
import pytest

QUIET = {"follow": "true", "sensor": "none", "end": "true"}


@pytest.fixture
def live(service: str) -> str:
    """The readings from now on; a new one comes every 0.2 seconds."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{service}/records/live?follow=true&fields=id,recorded_at&recorded_at_from={now}"


def read(response: httpx2.Response, count: int) -> list[dict]:
    lines = filter(None, response.iter_lines())
    return [json.loads(line) for line in islice(lines, count)]


def ended(http: httpx2.Client, service: str, end: str) -> float:
    """How many streams have ended so."""
    text = http.get(f"{service}/metrics").text
    [count] = re.findall(rf'streams_total.end="{end}",module="jsonl". (\S+)', text) or ["0"]
    return float(count)


def test_new_records_come_as_they_are_recorded(http, live):
    with http.stream("GET", live) as response:
        records = read(response, 8)
    first = records[0]["id"]
    assert [record["id"] for record in records] == list(range(first, first + 8))
    age = datetime.now(UTC) - datetime.fromisoformat(records[-1]["recorded_at"])
    assert age.total_seconds() < 2


def test_a_stream_that_is_followed_resumes_without_a_gap(http, live):
    found = []
    url = live + "&cursors=true"
    for _ in range(3):
        with http.stream("GET", url) as response:
            found += read(response, 3)
        url = f"{live}&cursors=true&after={found[-1]['@cursor']}"
    first = found[0]["id"]
    assert [record["id"] for record in found] == list(range(first, first + 9))


def test_the_limit_ends_it(http, live):
    response = http.get(live + "&limit=3&end=true")
    *records, end = response.text.split("\n")[:-1]
    assert len([record for record in records if record]) == 3
    assert json.loads(end)["@end"]["status"] == "complete"


@pytest.mark.parametrize("format", ["json", "csv"])
def test_only_lines_can_be_followed(http, live, format):
    response = http.get(f"{live}&format={format}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == "query.follow"


def test_a_client_that_leaves_ends_it(http, service, live):
    before = ended(http, service, "client_left")
    with http.stream("GET", live) as response:
        read(response, 1)
    deadline = time.monotonic() + 1
    while ended(http, service, "client_left") == before:
        assert time.monotonic() < deadline


@pytest.mark.slow
def test_a_quiet_stream_has_heartbeats_and_ends_with_the_process(http, serve_own):
    with serve_own(JSONL_HEARTBEAT_SECONDS="0.5", JSONL_FOLLOW_SECONDS="60") as server:
        url = f"{server.url}/records/readings"
        with http.stream("GET", url, params=QUIET, timeout=5) as response:
            lines: Iterator[str] = response.iter_lines()
            begun = time.monotonic()
            assert list(islice(lines, 3)) == [""] * 3
            assert 0.8 < time.monotonic() - begun < 3
            server.process.send_signal(signal.SIGTERM)
            rest: list[str] = []
            with suppress(httpx2.RemoteProtocolError):
                rest.extend(lines)
                pytest.fail("the body is complete")
        end = json.loads(rest[-1])["@end"]
        assert (end["status"], end["problem"]["status"]) == ("error", 503)
        server.process.wait(5)
