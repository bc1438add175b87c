"""Readers that take a byte of a response and then no more."""

import contextlib
import os
import socket
import time
from collections.abc import Generator
from pathlib import Path

import httpx2

from .fixtures import Server

MIB = 1024 * 1024
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 1
# Longer than a source waits for a slow reader before it lets go what it has read ahead.
CALM_SECONDS = 2.5


def memory_of_each(http: httpx2.Client, server: Server, path: str, readers: int) -> float:
    """By how many bytes the server grows for each of so many readers that have stopped."""
    with http.stream("GET", server.url + path) as response:
        for _ in response.iter_raw():
            pass
    before = settled_memory(server)
    with stalled(server, path, readers):
        return (settled_memory(server) - before) / readers


@contextlib.contextmanager
def stalled(server: Server, path: str, readers: int) -> Generator[None]:
    address = httpx2.URL(server.url)
    with contextlib.ExitStack() as connections:
        for _ in range(readers):
            connection = connections.enter_context(socket.socket())
            # Otherwise the kernel takes megabytes before anything stalls.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((address.host, address.port))
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert connection.recv(1)
        yield


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
