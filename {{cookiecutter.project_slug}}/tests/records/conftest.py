from collections.abc import Iterator

import httpx2
import pytest


@pytest.fixture(scope="session")
def http() -> Iterator[httpx2.Client]:
    """A client that keeps no connection: the server closes each one on which a request fails.

    It accepts no coding but those that a test asks for.
    """
    limits = httpx2.Limits(max_keepalive_connections=0)
    with httpx2.Client(limits=limits, headers={"Accept-Encoding": "identity"}) as client:
        yield client
