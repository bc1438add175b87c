"""What the kernel knows of a connection, whatever the two programs on it say."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .fixtures import SOON_SECONDS

CONNECTIONS = Path("/proc/net/tcp")
NEEDS_LINUX = pytest.mark.skipif(not CONNECTIONS.exists(), reason="needs the kernel's connections")


def is_known_to_the_kernel(reader: socket.socket) -> bool:
    """Whether the server's side of a connection is still there, in any state."""
    port = f":{reader.getsockname()[1]:04X}"
    lines = CONNECTIONS.read_text(encoding="ascii").splitlines()[1:]
    return any(line.split()[2].endswith(port) for line in lines)


def wait_until(condition: Callable[[], bool], seconds: float = SOON_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
