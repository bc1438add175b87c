import random
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2

HOP_BY_HOP = {"connection", "transfer-encoding", "host"}


class Hop(BaseHTTPRequestHandler):
    """An HTTP/1.0 hop in front of a service: where it cuts a body off, the response ends clean.

    It cuts the first `cuts` responses after `cut_after` bytes of their body, or anywhere in such a
    range, and no other. Where it stalls, they have no end until the client leaves.
    """

    service: str
    cuts: int
    cut_after: int | range
    stalls = False

    def do_GET(self) -> None:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        headers["Accept-Encoding"] = "identity"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = self.service + self.path
        with httpx2.stream(self.command, url, headers=headers, content=body) as response:
            self.send_response(response.status_code)
            for name, value in response.headers.items():
                if name not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # the client has left
                self.relay(response.iter_raw())

    do_POST = do_DELETE = do_GET

    def relay(self, chunks: Iterator[bytes]) -> None:
        place = self.cut_after
        left = place if isinstance(place, int) else random.choice(place)  # noqa: S311
        for chunk in chunks:
            if type(self).cuts and left <= len(chunk):
                self.wfile.write(chunk[:left])
                type(self).cuts -= 1
                if self.stalls:
                    self.rfile.read()
                return
            self.wfile.write(chunk)
            self.wfile.flush()
            left -= len(chunk)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class BusyHop(Hop):
    """Refuses the first requests, each for a second."""

    refusals: list[int]
    times: list[float]

    def do_GET(self) -> None:
        self.times.append(time.monotonic())
        if not self.refusals:
            return super().do_GET()
        self.send_response(self.refusals.pop())
        self.send_header("Retry-After", "1")
        return self.end_headers()

    do_POST = do_DELETE = do_GET


@contextmanager
def busy_hop(service: str, refusals: list[int]) -> Generator[tuple[str, list[float]]]:
    """Run a hop that refuses its first requests, and give its URL and the times of all."""
    times: list[float] = []
    settings = {"service": service, "cuts": 0, "cut_after": 0, "refusals": refusals, "times": times}
    with _serve(type("BusyHop", (BusyHop,), settings)) as url:
        yield url, times


@contextmanager
def hop(service: str, *, cuts: int, cut_after: int | range, stalls: bool = False) -> Generator[str]:
    """Run a hop in front of `service` and give its URL."""
    settings = {"service": service, "cuts": cuts, "cut_after": cut_after, "stalls": stalls}
    with _serve(type("CuttingHop", (Hop,), settings)) as url:
        yield url


@contextmanager
def _serve(handler: type[Hop]) -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
