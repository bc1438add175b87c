import contextlib
import socket
import time

import httpx2
import pytest

from tests.streaming.fixtures import Server

MIB = 1024 * 1024
READERS = 200
ROWS = 500_000
PATH = "/exports/readings?format=csv"


@pytest.fixture(scope="module")
def server(serve):
    with serve(DEMO_ROWS=str(ROWS), STREAMING_MIN_BYTES_PER_SECOND="1") as server:
        yield server


def settled(server: Server) -> int:
    """The server's memory once that no longer changes."""
    before, now = 0, server.memory
    while abs(now - before) > MIB:
        time.sleep(2)
        before, now = now, server.memory
    return now


@pytest.mark.slow
def test_a_reader_that_has_stopped_costs_at_most_a_mebibyte(http, server):
    address = httpx2.URL(server.url)
    with http.stream("GET", server.url + PATH) as response:
        for _ in response.iter_raw():
            pass
    before = settled(server)
    with contextlib.ExitStack() as readers:
        for _ in range(READERS):
            reader = readers.enter_context(socket.socket())
            # Otherwise the kernel takes megabytes before anything stalls.
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect((address.host, address.port))
            reader.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert reader.recv(1)
        grown = settled(server) - before
    assert grown / READERS < MIB, f"{grown / READERS / 1024:.0f} KiB"
