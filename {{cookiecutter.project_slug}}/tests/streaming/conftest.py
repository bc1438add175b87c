from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def url(serve) -> Iterator[str]:
    """Where the app whose streams fail is served."""
    with serve("tests.streaming.failing_app:app") as server:
        yield server.url
