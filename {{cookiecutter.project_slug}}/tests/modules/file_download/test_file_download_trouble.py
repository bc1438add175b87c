"""A store whose objects are no longer what they were when they are read."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.contents.raw import ask

BODY = b"0123456789"


class Upstream(BaseHTTPRequestHandler):
    """It says one thing to the first request, which is for one byte, and another to the next."""

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
