"""What is wrong before the first byte has a status; what is wrong later ends the connection."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.modules.file_download.raw import ask
from tests.streaming.kernel import wait_until

APP = "tests.modules.file_download.troubled_app:app"
MULTIPART = "Range: bytes=0-9,1000000-1000009"
BODY = b"0123456789"


@pytest.fixture(scope="module", params=["ours", pytest.param("granian", marks=pytest.mark.slow)])
def server(serve: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    with serve(APP, server=request.param) as server:
        yield server


@pytest.mark.parametrize("lines", [(), ("Range: bytes=10-",), (MULTIPART,)])
@pytest.mark.parametrize(("error", "status"), [("changed", 503), ("store", 503), ("bug", 500)])
def test_before_the_first_byte_it_is_a_problem(server, error, status, lines):
    answer = ask(server.url, f"/{error}/0", *lines)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["ETag"] is answer.headers["Content-Range"] is None
    assert answer.headers["Retry-After"] == ("1" if error == "changed" else None)
    assert ask(server.url, f"/{error}/0", method="HEAD").status == 200  # it reads nothing


@pytest.mark.parametrize("good_chunks", [1, 50])
@pytest.mark.parametrize("error", ["changed", "store"])
def test_later_it_is_a_shorter_body_and_a_line_in_the_log(server, error, good_chunks):
    before = len(server.log)
    answer = ask(server.url, f"/{error}/{good_chunks}")
    assert answer.status == 200
    assert len(answer.body) < int(answer.headers["Content-Length"])
    if "granian" not in server.process.args:  # it takes every error for one of the app
        wait_until(lambda: f"'/{error}/{good_chunks}' ends too early" in server.log[before:])
        assert "Traceback" not in server.log[before:]


class Upstream(BaseHTTPRequestHandler):
    """A store whose objects are no longer what they were when it was asked for the first time."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        is_first = self.headers["Range"] == "bytes=0-0"
        status, etag, body = (206, '"1"', BODY[:1]) if is_first else ANSWERS[self.path]
        self.send_response(status)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(BODY) if status == 200 else len(body)))
        self.send_header("Content-Range", f"bytes 0-0/{len(BODY)}")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = status == 200

    def log_message(self, format: str, *args: Any) -> None:
        pass


ANSWERS = {
    "/changed": (200, '"2"', BODY),
    "/gone": (404, '"1"', b""),
    "/forbidden": (403, '"1"', b""),
    "/unheeded": (412, '"2"', b""),
    "/cut-off": (200, '"1"', b""),
}


@pytest.fixture(scope="module")
def over_http(serve: Any) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as upstream:
        Thread(target=upstream.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{upstream.server_port}"
        with serve(FILE_DOWNLOAD_STORAGE_URL=url) as server:
            yield server.url
        upstream.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("path", ANSWERS)
def test_an_object_that_is_another_when_it_is_read_is_a_problem(over_http, path):
    for target in (f"/files{path}", f"/files.zip?path={path[1:]}"):
        answer = ask(over_http, target)
        assert answer.status == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Retry-After"]
