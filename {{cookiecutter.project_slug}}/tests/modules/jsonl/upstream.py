"""An upstream: the service, but for `?site=` with the name of a failure."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from http.server import ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.streaming.hop import Hop

READING = {
    "id": 1,
    "sensor": "sensor-1",
    "site": "Lyon",
    "recorded_at": "2026-01-01T00:00:01Z",
    "value": 1.5,
    "note": "x" * 900,
    "@cursor": "WyIxIl0",
}
LINE = json.dumps(READING).encode() + b"\n"


class Upstream(Hop):
    """`sent` counts its endless bytes; `left` is set once its client has left."""

    sent: ClassVar[int] = 0
    left: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        assert self.headers["Authorization"] == "Bearer hunter2"
        self.left.clear()
        [site] = parse_qs(urlsplit(self.path).query).get("site", [""])
        getattr(self, f"be_{site}", super().do_GET)()

    def be_failing(self) -> None:
        self.send_error(500, "hunter2")

    def be_silent(self) -> None:
        self.wait_until_left()

    def be_waiting(self) -> None:
        self.send(LINE)
        self.wait_until_left()

    def be_html(self) -> None:
        self.send(b"<html>hunter2</html>\n")

    def be_broken(self) -> None:
        self.send(LINE * 256 + b'{"id": "many"}\n')

    def be_endless(self) -> None:
        type(self).sent = 0
        self.send(LINE)
        with suppress(ConnectionError):
            while True:
                self.wfile.write(LINE * 64)
                type(self).sent += len(LINE) * 64
        self.left.set()

    def send(self, body: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def wait_until_left(self) -> None:
        with suppress(ConnectionError):
            self.connection.recv(1)
        self.left.set()


@contextmanager
def upstream_of(service: str) -> Generator[str]:
    """Run an upstream in front of `service`; give the URL of its records."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.daemon_threads = True
    Upstream.service, Upstream.cuts, Upstream.cut_after = service, 0, 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/records/readings"
    finally:
        server.shutdown()
        server.server_close()
