"""What the kernel knows of a connection, whatever the two programs on it say."""

import socket
from pathlib import Path

import httpx2
import pytest

CONNECTIONS = Path("/proc/net/tcp")
NEEDS_LINUX = pytest.mark.skipif(not CONNECTIONS.exists(), reason="needs the kernel's connections")


def is_known_to_the_kernel(url: str, reader: socket.socket) -> bool:
    """Whether the server's side of a connection is still there, in any state.

    A reader's port alone does not name its connection: the kernel gives the same one to others,
    whose servers are elsewhere.
    """
    ends = [f":{port:04X}" for port in (httpx2.URL(url).port, reader.getsockname()[1])]
    lines = CONNECTIONS.read_text(encoding="ascii").splitlines()[1:]
    return any([address[-5:] for address in line.split()[1:3]] == ends for line in lines)


def unsent_bytes(url: str) -> int:
    """What waits in the sockets of a server, sent or not, until its clients confirm it."""
    port = f":{httpx2.URL(url).port:04X}"
    lines = CONNECTIONS.read_text(encoding="ascii").splitlines()[1:]
    connections = (line.split() for line in lines)
    return sum(int(each[4].partition(":")[0], 16) for each in connections if each[1].endswith(port))
