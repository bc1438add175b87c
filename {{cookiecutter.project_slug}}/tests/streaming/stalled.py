"""Readers that take a few bytes of a stream and then no more."""

import contextlib
import os
import socket
import time
from collections.abc import Generator
from pathlib import Path

import httpx2

from .fixtures import Serve, Server

MIB = 1024 * 1024
READERS = 200
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 1
# Longer than a source waits for a slow reader before it lets go what it has read ahead.
CALM_SECONDS = 5.5


def memory_of_each(http: httpx2.Client, serve: Serve, path: str, readers: int = READERS) -> float:
    """By how many bytes a server grows for each reader that has stopped."""
    with serve(STREAMING_MIN_BYTES_PER_SECOND="1") as server:
        with http.stream("GET", server.url + path) as response:
            for _ in response.iter_raw():
                pass
        before = settled_memory(server)
        with contextlib.ExitStack() as stopped:
            for _ in range(readers):
                stopped.enter_context(stopped_reader(server.url, path))
            return (settled_memory(server) - before) / readers


@contextlib.contextmanager
def stopped_reader(url: str, path: str, version: str = "1.1") -> Generator[socket.socket]:
    """Ask for a stream, take its first few bytes, and read no more."""
    address = httpx2.URL(url)
    with socket.socket() as reader:
        # Otherwise the kernel takes megabytes before anything stalls.
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((address.host, address.port))
        reader.sendall(f"GET {path} HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())
        assert reader.recv(12).endswith(b" 200")
        yield reader


def read_slowly(reader: socket.socket, *, bytes_per_second: int, seconds: float = 600) -> bytes:
    """Read at a steady pace until the time is over, or the stream."""
    received = bytearray()
    begun = time.monotonic()
    while (now := time.monotonic()) < begun + seconds:
        due = begun + len(received) / bytes_per_second
        time.sleep(max(0, due - now))
        part = reader.recv(1024)
        if not part:
            break
        received += part
    return bytes(received)


def settled_memory(server: Server) -> int:
    """The server's memory once it neither works nor changes in size."""
    while True:
        memory, seconds = server.memory, processor_seconds(server)
        time.sleep(CALM_SECONDS)
        is_idle = processor_seconds(server) - seconds < CALM_SECONDS / 20
        if is_idle and abs(server.memory - memory) < MIB:
            return server.memory


def processor_seconds(server: Server) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    user, system = fields[11:13]
    return (int(user) + int(system)) / TICKS
