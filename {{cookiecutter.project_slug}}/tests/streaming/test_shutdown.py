import asyncio
import signal
import socket
import time

import httpx2
import pytest

from {{ cookiecutter.package_name }}.streaming import (
    shutdown,
)

from tests.streaming.fixtures import PACKAGE, SOON_SECONDS, reading
from tests.streaming.stalled import stopped_reader
from tests.streaming.test_problems import check_problem

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


DELAY_SECONDS = 2
# The loop that uvicorn chooses, and the other one; its own command has an option for it.
ADAPTED = ("--http", f"{PACKAGE}.streaming.server:Connection", "--loop", "asyncio")


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "4"])
@pytest.mark.parametrize(("server", "options"), [("ours", ()), ("uvicorn", ADAPTED)])
def test_a_proxy_sees_that_a_process_leaves_before_it_refuses(
    http, serve, server, options, workers
):
    """Not ready, but open to new connections for the delay; what streams does so until then."""
    delay = {"STREAMING_DRAIN_DELAY_SECONDS": str(DELAY_SECONDS)}
    with (
        serve(APP, "--workers", workers, *options, server=server, **delay) as running,
        reading(http, f"{running.url}/until-drained") as response,
    ):
        chunks = response.iter_raw()
        assert next(chunks) == b"first"
        running.process.terminate()
        begun = time.monotonic()
        time.sleep(1)  # workers are told within half a second
        while time.monotonic() < begun + DELAY_SECONDS - 0.3:
            problem = check_problem(http.get(f"{running.url}/readyz", timeout=1), 503)
            assert problem["type"] == "/problems/shutting-down"
            assert http.get(f"{running.url}/healthz", timeout=1).status_code == 200
        assert list(chunks) == [b"last"]
        assert DELAY_SECONDS < time.monotonic() - begun < DELAY_SECONDS + SOON_SECONDS
        running.process.wait(SOON_SECONDS)
        assert "Traceback" not in running.log


def answers(http: httpx2.Client, url: str) -> bool:
    """Whether there is an answer; to wait for one in vain is an error."""
    try:
        http.get(url, timeout=1)
    except (httpx2.NetworkError, httpx2.RemoteProtocolError):
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "4"])
def test_new_connections_are_refused_while_streams_finish(http, serve, workers):
    """They do not wait for nobody."""
    with (
        serve(APP, "--workers", workers, STREAMING_SHUTDOWN_GRACE_SECONDS="10") as server,
        reading(http, f"{server.url}/waits"),
    ):
        server.process.terminate()
        time.sleep(1)  # workers are told within half a second
        deadline = time.monotonic() + SOON_SECONDS
        while answers(http, f"{server.url}/healthz"):
            assert time.monotonic() < deadline
        assert server.process.poll() is None


LONG = {"STREAMING_DRAIN_DELAY_SECONDS": "60", "STREAMING_SHUTDOWN_GRACE_SECONDS": "60"}


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "4"])
def test_ctrl_c_does_not_wait_for_a_proxy(http, serve, workers):
    with serve(APP, "--workers", workers, **LONG) as server:
        http.get(server.url)
        server.process.send_signal(signal.SIGINT)
        server.process.wait(SOON_SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "4"])
@pytest.mark.parametrize("path", ["/waits", "/never-waits"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once(serve, workers, path, number):
    with (
        serve(APP, "--workers", workers, **LONG) as server,
        stopped_reader(server.url, path),
    ):
        server.process.terminate()
        time.sleep(0.2)
        server.process.send_signal(number)
        server.process.wait(SOON_SECONDS)


def test_a_callback_that_is_taken_back_is_not_called():
    async def reach() -> list[str]:
        drain, called = shutdown.Drain(), []
        drain.call(lambda: called.append("kept"))
        drain.call(lambda: called.append("taken back"))()
        drain.begin()
        drain.call(lambda: called.append("late"))
        await asyncio.sleep(0)
        return called

    assert asyncio.run(reach()) == ["kept", "late"]


def test_streams_leave_nothing_behind(http, serve):
    """A process that lives for long has no callbacks of streams that are over."""
    with serve(APP) as server:
        for _ in range(20):
            http.get(f"{server.url}/large?megabytes=0")
        assert http.get(f"{server.url}/callbacks").json() == 0
