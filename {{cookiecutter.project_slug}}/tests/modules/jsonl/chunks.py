import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ChunkServer(ThreadingHTTPServer):
    """Answers every request with `chunks`, each as one chunk of HTTP/1.1 (RFC 9112, section 7.1)."""

    daemon_threads = True
    chunks: list[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/records"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        assert isinstance(self.server, ChunkServer)
        self.send_response(200)
        self.send_header("Content-Type", "application/jsonl")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in filter(None, self.server.chunks):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client keeps no connection
            super().handle()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def serve_chunks() -> Generator[ChunkServer]:
    with ChunkServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
