import socket
import time

import httpx2
import pytest

from tests.streaming.fixtures import reading

APP = "tests.streaming.failing_app:app"
GRACE = {"STREAMING_SHUTDOWN_GRACE_SECONDS": "1"}


@pytest.mark.slow
def test_a_process_that_drains_is_alive_but_not_ready(http, serve):
    with serve(APP) as server:
        assert http.get(f"{server.url}/readyz").status_code == 200
        http.post(f"{server.url}/drain")
        assert http.get(f"{server.url}/readyz").status_code == 503
        assert http.get(f"{server.url}/healthz").status_code == 200


@pytest.mark.slow
def test_sigterm_is_heard_by_streams_without_an_end(http, terminate):
    with terminate() as (url, sigterm), reading(http, f"{url}/until-drained") as response:
        chunks = response.iter_raw()
        assert next(chunks) == b"first"
        sigterm()
        assert list(chunks) == [b"last"]


@pytest.mark.slow
def test_sigterm_lets_a_finite_stream_finish(http, terminate):
    with terminate() as (url, sigterm), reading(http, f"{url}/large?megabytes=20") as response:
        lines = response.iter_lines()
        next(lines)
        sigterm()
        *_, last = lines
        assert last == "complete"


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/waits", "/never-waits"])
def test_after_the_grace_period_nothing_keeps_the_process(terminate, path):
    """Neither a stream that waits for its source, nor a reader that reads nothing."""
    with terminate(**GRACE) as (url, sigterm):
        address = httpx2.URL(url)
        with socket.create_connection((address.host, address.port)) as reader:
            reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert reader.recv(100)
            sigterm()
            time.sleep(1)


@pytest.mark.slow
def test_readiness_ends_at_once(http, serve):
    with serve(APP) as server, reading(http, f"{server.url}/until-drained"):
        server.process.terminate()
        time.sleep(0.2)
        with pytest.raises(httpx2.ConnectError):
            http.get(f"{server.url}/readyz")
