import contextlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import httpx2
import pytest

from tests.streaming.aborted import until_aborted
from tests.streaming.closing import (
    SETTINGS,
    STALL_SECONDS,
    check_that_a_stalled_reader_is_dropped,
    check_that_it_is_closed,
    closed,
    wait_until_closed,
)
from tests.streaming.fixtures import PROJECT
from tests.streaming.stalled import MIB, read_slowly, stopped_reader

# How an app is served: the server, and the app as a team may have extended it.
SERVED = {
    "ours": ("ours", "failing_app:app"),
    "ours, http middleware": ("ours", "variants:http_middleware"),
    "ours, native telemetry": ("ours", "variants:native_telemetry"),
    "ours, OpenTelemetry": ("ours", "variants:opentelemetry"),
    "uvicorn": ("uvicorn", "failing_app:app"),
    "granian": ("granian", "failing_app:app"),
}
STREAMS = ["waits", "never-waits", "never-waits-returned", "blocks"]
APP = "tests.streaming.failing_app:app"


def slow(value: str) -> object:
    return pytest.param(value, marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=["ours", *map(slow, list(SERVED)[1:])])
def url(request: pytest.FixtureRequest, serve) -> Iterator[str]:
    """Where the app is served in each way; who takes no 64 KiB in half a second is too slow."""
    server, app = SERVED[request.param]
    with serve(f"tests.streaming.{app}", server=server, **SETTINGS) as running:
        yield running.url


@pytest.mark.parametrize(
    ("path", "status"),
    [("/refuses", 409), ("/fails-at-once", 500)],
)
def test_an_error_before_the_first_chunk_is_a_problem(http, url, path, status):
    response = http.get(url + path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in response.text


def test_head_has_the_head_of_a_stream_and_asks_nothing_of_its_source(http, url):
    before = closed(http, url, "never-waits")
    head = http.head(f"{url}/never-waits")
    with http.stream("GET", f"{url}/never-waits") as get:
        expected = {name: value for name, value in get.headers.items() if name != "date"}
    wait_until_closed(http, url, "never-waits", before + 1, seconds=10)
    assert closed(http, url, "never-waits") == before + 1
    expected.pop("transfer-encoding", None)
    assert {name: value for name, value in head.headers.items() if name in expected} == expected


def test_a_refusal_leaves_the_connection_to_the_next_request(url):
    address = httpx2.URL(url)
    connection = HTTPConnection(address.host, address.port or 80)
    for pause in (2 * STALL_SECONDS, 0):
        connection.request("GET", "/refuses")
        response = connection.getresponse()
        assert (response.status, response.getheader("connection")) == (409, None)
        response.read()
        time.sleep(pause)
    connection.close()


def test_a_later_error_aborts_the_connection(http, url):
    with http.stream("GET", f"{url}/fails-later") as response:
        assert response.status_code == 200
        assert b"".join(until_aborted(response.iter_bytes())) == b"a" * 1000


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("coding", ["identity", "zstd", slow("br"), slow("gzip")])
def test_a_stream_is_closed_when_its_client_leaves(http, url, stream, coding):
    check_that_it_is_closed(http, url, stream, coding)


def test_a_reader_that_stalls_is_dropped(http, url):
    check_that_a_stalled_reader_is_dropped(http, url, "never-waits")


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="the kernel has no such limit")
def test_the_kernel_keeps_little_of_what_nobody_reads(http, serve):
    with serve(APP, **SETTINGS) as server, stopped_reader(server.url, "/never-waits"):
        wait_until_closed(http, server.url, "never-waits", 1)
        figures = http.get(f"{server.url}/metrics").text
    [sent] = re.findall(r'^streaming_bytes_total{module="other"} (.+)', figures, re.MULTILINE)
    assert 0 < float(sent) < MIB


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs UNIX sockets")
def test_a_stream_goes_through_a_unix_socket(tmp_path):
    path = tmp_path / "socket"
    command = [sys.executable, "-m", "uvicorn", APP, "--uds", str(path)]
    with subprocess.Popen(command, cwd=PROJECT) as server:
        while not path.exists() and server.poll() is None:
            time.sleep(0.05)
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(path))) as client:
            body = client.get("http://localhost/large?megabytes=1").content
        server.terminate()
    assert body.endswith(b"complete\n")


def test_a_reader_that_is_slow_but_not_too_slow_gets_everything(http, url):
    with http.stream("GET", f"{url}/large?megabytes=3") as response:
        received = b""
        for chunk in response.iter_raw(128 * 1024):
            received += chunk
            time.sleep(STALL_SECONDS / 10)
    assert received.endswith(b"complete\n")


def test_a_proxy_is_told_not_to_buffer(http, url):
    with http.stream("GET", f"{url}/waits") as response:
        assert response.headers["x-accel-buffering"] == "no"


FLOOR = 65_536  # so that a reader is given up after two seconds without a byte


@pytest.mark.slow
def test_the_floor_is_the_one_that_is_set(serve):
    """Whatever the server and the kernel hold for a reader, and in whichever steps it is taken."""
    with serve(APP, STREAMING_MIN_BYTES_PER_SECOND=str(FLOOR)) as server:
        with stopped_reader(server.url, "/never-waits") as reader:
            read_slowly(reader, bytes_per_second=round(1.2 * FLOOR), seconds=8)
        assert "too_slow" not in server.log
        with (
            stopped_reader(server.url, "/never-waits") as reader,
            pytest.raises(ConnectionResetError),
        ):
            read_slowly(reader, bytes_per_second=round(0.6 * FLOOR), seconds=20)


@pytest.mark.slow
def test_a_process_that_was_paused_does_not_blame_its_readers(serve):
    with (
        serve(APP, STREAMING_MIN_BYTES_PER_SECOND=str(FLOOR)) as server,
        stopped_reader(server.url, "/never-waits") as reader,
    ):
        read_slowly(reader, bytes_per_second=100_000, seconds=2)
        server.process.send_signal(signal.SIGSTOP)
        with contextlib.suppress(TimeoutError):
            reader.settimeout(6)
            while True:
                reader.recv(65536)
        server.process.send_signal(signal.SIGCONT)
        reader.settimeout(None)
        read_slowly(reader, bytes_per_second=100_000, seconds=3)
        assert "too_slow" not in server.log
