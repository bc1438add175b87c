"""The server adapter: what a server can promise that `python -m` has started, and no other."""

import ast
import asyncio
import inspect
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx2
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState
from uvicorn.supervisors import Multiprocess

from {{ cookiecutter.package_name }}.streaming import (
    server as adapter,
)

from tests.streaming.closing import SETTINGS
from tests.streaming.fixtures import SERVERS, SOON_SECONDS, START_SECONDS, Server
from tests.streaming.kernel import NEEDS_LINUX, is_known_to_the_kernel
from tests.streaming.stalled import stopped_reader
from tests.streaming.variants import VARIANTS
from tests.streaming.waiting import wait_until

APP = "tests.streaming.failing_app:app"
GRACE = {"STREAMING_SHUTDOWN_GRACE_SECONDS": "1"}
APPS = [
    APP,
    *(
        pytest.param(f"tests.streaming.variants:{variant}", marks=pytest.mark.slow)
        for variant in VARIANTS
    ),
]


def read_to_the_end(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def parts_of_uvicorn() -> dict[str, object]:
    """uvicorn's own objects, by the expression that stands for each in the adapter."""
    parts: dict[str, object] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        pass

    async def receive_a_request() -> None:
        protocol = HttpToolsProtocol(uvicorn.Config(app), ServerState(), {})
        protocol.connection_made(Mock())
        protocol.data_received(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        parts.update(dict.fromkeys(["self", "super()"], protocol))
        parts["self.flow"] = protocol.flow
        parts.update(
            dict.fromkeys(["cycle", "answer", "last", "self._answer", "self.cycle"], protocol.cycle)
        )

    asyncio.run(receive_a_request())
    return parts


@pytest.fixture
def supervisor() -> Iterator[adapter.Supervisor]:
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    yield adapter.Supervisor(uvicorn.Config(APP), [])
    for number, handler in before.items():
        if handler is not signal.getsignal(number):
            signal.signal(number, handler)


def test_uvicorn_has_what_the_adapter_uses(supervisor):
    parts = parts_of_uvicorn()
    ours = {"_limits", *vars(adapter.Connection), *dir(supervisor)}
    for node in ast.walk(ast.parse(inspect.getsource(adapter))):
        if isinstance(node, ast.Attribute) and node.attr not in ours:
            part = parts.get(ast.unparse(node.value))
            assert part is None or hasattr(part, node.attr), (
                f"uvicorn {uvicorn.__version__} has no {type(part).__name__}.{node.attr} any more, "
                f"which streaming/server.py uses; look for what has taken its place."
            )


@pytest.mark.parametrize(
    ("adapted", "base"),
    [(adapter.Connection, HttpToolsProtocol), (adapter.Supervisor, Multiprocess)],
)
def test_uvicorn_calls_what_the_adapter_overrides(adapted, base):
    for name, ours in vars(adapted).items():
        if getattr(ours, "__override__", False):
            theirs = getattr(base, name, lambda: None)
            assert list(signature(theirs).parameters) == list(signature(ours).parameters), (
                f"uvicorn {uvicorn.__version__} no longer calls {base.__name__}.{name} as "
                f"streaming/server.py expects it; look for what has taken its place."
            )


def test_no_other_file_knows_a_server():
    package = Path(adapter.__file__).parents[1]
    knowing = {path for path in package.rglob("*.py") if "uvicorn" in path.read_text("utf-8")}
    assert {str(path.relative_to(package)) for path in knowing} == {
        str(Path("streaming", "__main__.py")),
        str(Path("streaming", "server.py")),
    }


@NEEDS_LINUX
@pytest.mark.parametrize("app", APPS)
def test_nothing_is_left_of_a_reader_that_is_dropped(serve, app):
    """Neither with the server nor in the kernel, and the reader sees a reset."""
    with serve(app, **SETTINGS) as server, stopped_reader(server.url, "/never-waits") as reader:
        assert is_known_to_the_kernel(server.url, reader)
        wait_until(lambda: not is_known_to_the_kernel(server.url, reader))
        assert '"too_slow"' in server.log
        with pytest.raises(ConnectionResetError):
            read_to_the_end(reader)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("server", "options"),
    [
        ("uvicorn", "--timeout-graceful-shutdown 3"),
        ("granian", "--workers-kill-timeout 3"),
        ("gunicorn", "--graceful-timeout 3"),
    ],
)
def test_another_server_has_an_option_for_that(serve, server, options):
    """docs/streaming.md names them."""
    with (
        serve(APP, *options.split(), server=server, **GRACE) as running,
        stopped_reader(running.url, "/never-waits"),
    ):
        running.process.terminate()
        running.process.wait(3 + SOON_SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("app", APPS)
def test_a_reader_that_has_stopped_does_not_keep_the_process(serve, app):
    with serve(app, **GRACE) as server, stopped_reader(server.url, "/never-waits"):
        server.process.terminate()
        server.process.wait(SOON_SECONDS)
        assert "Traceback" not in server.log


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["killed", "silent", "killed while it was asked"])
def test_a_worker_that_fails_keeps_no_other(serve, fault):
    """It is replaced, and a signal is heard at once."""
    with serve(APP, "--workers", "2") as server:
        wait_until(lambda: len(workers(server)) == 2)
        failing, other = workers(server)
        if fault != "killed":
            os.kill(failing, signal.SIGSTOP)
            time.sleep(2)  # it is asked every half second
        killed = failing if "killed" in fault else other
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(workers(server)) == 3, START_SECONDS / 2)
        server.process.terminate()
        wait_until(lambda: "Finished server process" in server.log)
        if fault == "silent":
            os.kill(failing, signal.SIGCONT)
        server.process.wait(SOON_SECONDS)


def workers(server: Server) -> list[int]:
    """All that have ever started to serve."""
    return [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", server.log)]


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["native_telemetry", "opentelemetry"])
def test_a_trace_tells_a_failure_from_a_client_that_leaves(http, serve, variant):
    expected = [
        ["GET /large", "UNSET"],
        ["GET /waits", "UNSET"],
        ["GET /waits-at-once", "UNSET"],
        ["GET /fails-later", "ERROR"],
    ]
    with serve(f"tests.streaming.variants:{variant}") as server:
        http.get(f"{server.url}/large?megabytes=1")
        with http.stream("GET", f"{server.url}/waits"):
            pass
        with pytest.raises(httpx2.ReadTimeout):
            http.get(f"{server.url}/waits-at-once", timeout=0.2)
        with pytest.raises(httpx2.RemoteProtocolError):
            http.get(f"{server.url}/fails-later")

        def spans() -> list[list[str]]:
            return http.get(f"{server.url}/spans").json()

        wait_until(lambda: all(span in spans() for span in expected))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/large?megabytes=1", None),
        ("/fails-later", b"a" * 1000),
        ("/healthz", b'"alive"'),
    ],
)
def test_http_1_0_is_answered_without_chunks(url, method, path, body):
    """RFC 9112, section 6.1: where the length is not known, the end of the connection is the end."""
    address = httpx2.URL(url)
    with socket.create_connection((address.host, address.port)) as client:
        client.sendall(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
        answer = read_to_the_end(client)
    head, _, received = answer.partition(b"\r\n\r\n")
    fields = head.lower().split(b"\r\n")
    assert b"connection: close" in fields
    assert not any(field.startswith(b"transfer-encoding") for field in fields)
    if method == "GET":
        assert received == body if body else received.endswith(b"\ncomplete\n")


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS)
def test_a_server_says_at_start_what_it_cannot_promise(serve, server):
    """In one line, with streams that work; ours has nothing to say."""
    with serve(APP, server=server) as running:
        assert httpx2.get(f"{running.url}/large?megabytes=1").content.endswith(b"\ncomplete\n")
        lines = [line for line in running.log.splitlines() if "was not started by" in line]
        assert len(lines) == (server != "ours")
