import json
import os
import re
import signal
import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.streaming.fixtures import Server


@pytest.fixture(scope="module")
def server(serve) -> Iterator[Server]:
    with serve("tests.streaming.failing_app:app") as server:
        yield server


def sample(http: httpx2.Client, url: str, name: str) -> float:
    for line in http.get(f"{url}/metrics").text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return 0.0


def wait_for(http: httpx2.Client, url: str, name: str, value: float, seconds: float = 2) -> None:
    deadline = time.monotonic() + seconds
    while sample(http, url, name) != value:
        assert time.monotonic() < deadline, http.get(f"{url}/metrics").text
        time.sleep(0.01)


def ended(end: str) -> str:
    return 'streaming_streams_total{end="END",module="other"}'.replace("END", end)


@pytest.mark.parametrize(
    ("path", "end"),
    [("/large?megabytes=1", "complete"), ("/fails-later", "error")],
)
def test_a_stream_is_counted_by_how_it_ended(http, server, path, end):
    before = sample(http, server.url, ended(end))
    with http.stream("GET", server.url + path) as response:
        try:
            response.read()
        except httpx2.RemoteProtocolError:
            assert end == "error"
    wait_for(http, server.url, ended(end), before + 1)


def test_a_client_that_leaves_is_counted_and_an_open_stream_is_until_then(http, server):
    before = sample(http, server.url, ended("client_left"))
    with http.stream("GET", f"{server.url}/waits"):
        wait_for(http, server.url, 'streaming_streams_open{module="other"}', 1)
    wait_for(http, server.url, ended("client_left"), before + 1)
    wait_for(http, server.url, 'streaming_streams_open{module="other"}', 0)


def test_bytes_records_and_times_are_counted(http, server):
    names = [
        'streaming_bytes_total{module="other"}',
        'streaming_records_total{module="other"}',
        'streaming_first_byte_seconds_count{module="other"}',
        'streaming_duration_seconds_count{module="other"}',
    ]
    before = [sample(http, server.url, name) for name in names]
    size = len(http.get(f"{server.url}/large?megabytes=2").content)
    wait_for(http, server.url, names[3], before[3] + 1)
    after = [sample(http, server.url, name) for name in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [size, 2000, 1, 1]


def test_a_refused_request_is_no_stream(http, server):
    before = http.get(f"{server.url}/metrics").text.count("streaming_streams_total")
    assert http.get(f"{server.url}/refuses").status_code == 409
    assert sample(http, server.url, ended("error")) == sample(http, server.url, ended("error"))
    assert http.get(f"{server.url}/metrics").text.count("streaming_streams_total") == before


def test_a_stream_leaves_one_line_in_the_log_without_its_query(http, server):
    def figures() -> list[dict]:
        lines = [line for line in server.log.splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    before = len(figures())
    body = http.get(f"{server.url}/large?megabytes=1&token=hunter2").content
    deadline = time.monotonic() + 2
    while len(figures()) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    [line] = figures()[before:]
    assert (line["path"], line["end"], line["status"]) == ("/large", "complete", 200)
    assert (line["bytes"], line["records"]) == (len(body), 1000)
    assert line["seconds"] >= line["first_byte_seconds"] > 0
    assert "hunter2" not in str(line)


@pytest.mark.slow
def test_the_figures_of_several_processes_are_added(http, serve, tmp_path):
    settings = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    with serve("tests.streaming.failing_app:app", "--workers", "2", **settings) as server:
        for _ in range(10):
            http.get(f"{server.url}/large?megabytes=1")
        wait_for(http, server.url, ended("complete"), 10)


@pytest.mark.slow
def test_a_worker_that_was_killed_counts_for_no_open_stream(http, serve):
    opened = 'streaming_streams_open{module="other"}'
    with serve("tests.streaming.failing_app:app", "--workers", "2") as server:
        with http.stream("GET", f"{server.url}/waits") as response:
            chunks = response.iter_raw()
            next(chunks)
            wait_for(http, server.url, opened, 1)
            for worker in re.findall(r"Started server process \[(\d+)\]", server.log):
                os.kill(int(worker), signal.SIGKILL)
            with pytest.raises(httpx2.RemoteProtocolError):
                next(chunks)
        wait_for(http, server.url, opened, 0, seconds=10)
