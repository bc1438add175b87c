"""Many requests at once over raw sockets, and how long others wait meanwhile."""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import httpx2

WATCHED = ("/healthz", "/readyz", "/metrics")
READ_BYTES = 256 * 1024

with contextlib.suppress(ImportError, ValueError):
    import resource

    # A thousand connections are more than most shells allow; servers that are started inherit it.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def burst(url: str, path: str, count: int, coding: str = "identity") -> Generator[None]:
    """Ask `count` times for `path` at once, and read what comes until the end of the block."""
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(_connect(url)) for _ in range(count)]
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {coding}\r\n\r\n"
        for reader in readers:
            reader.sendall(request.encode())
        ended = threading.Event()
        reading = threading.Thread(target=_read_all, args=(readers, ended))
        reading.start()
        try:
            yield
        finally:
            ended.set()
            reading.join()


def longest_wait(url: str, seconds: float, paths: tuple[str, ...] = WATCHED) -> dict[str, float]:
    """Ask for each of `paths` again and again, on new connections; the longest that each took."""
    until = time.monotonic() + seconds

    def ask_for(path: str) -> float:
        longest = 0.0
        while time.monotonic() < until:
            started = time.monotonic()
            answer = _ask(url, path)
            longest = max(longest, time.monotonic() - started)
            assert answer.startswith(b"HTTP/1.1 200"), answer
            time.sleep(0.02)
        return longest

    with ThreadPoolExecutor(len(paths)) as threads:
        return dict(zip(paths, threads.map(ask_for, paths), strict=True))


def _ask(url: str, path: str) -> bytes:
    with _connect(url) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(READ_BYTES), b""))


def _connect(url: str) -> socket.socket:
    address = httpx2.URL(url)
    return socket.create_connection((address.host, address.port), timeout=60)


def _read_all(readers: list[socket.socket], ended: threading.Event) -> None:
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader, selectors.EVENT_READ)
        while selector.get_map() and not ended.is_set():
            for key, _ in selector.select(timeout=0.1):
                reader = key.fileobj
                assert isinstance(reader, socket.socket)
                if not reader.recv(READ_BYTES):
                    selector.unregister(reader)
