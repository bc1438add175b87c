import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Answer(NamedTuple):
    """What a scripted server says to one request, before it closes the connection."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/event-stream"
    retry_after: str = ""
    stalls: bool = False  # keeps the connection open and says nothing more


class Request(NamedTuple):
    time: float  # seconds
    last_event_id: str | None


class ScriptedServer(ThreadingHTTPServer):
    """Gives each request the next of some answers, the last one again and again."""

    daemon_threads = True

    def __init__(self, answers: Sequence[Answer], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers = answers
        self.requests: list[Request] = []
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, ScriptedServer)
        answer = server.answers[min(len(server.requests), len(server.answers) - 1)]
        server.requests.append(Request(time.monotonic(), self.headers["Last-Event-ID"]))
        with suppress(ConnectionError):  # the client has left
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Retry-After", answer.retry_after)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(answer.body)
            if answer.stalls:
                server.ended.wait()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def scripted(answers: Sequence[Answer], port: int = 0) -> Generator[ScriptedServer]:
    with ScriptedServer(answers, port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
