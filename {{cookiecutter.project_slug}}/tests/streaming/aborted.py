from collections.abc import Iterator
from typing import TypeVar

import httpx2
import pytest

T = TypeVar("T", bytes, str)


def until_aborted(parts: Iterator[T]) -> Iterator[T]:
    """Yield what comes until the server aborts the connection; fail if it does not."""
    try:
        yield from parts
    except httpx2.RemoteProtocolError:
        return
    pytest.fail("the stream has ended as if it were complete")
