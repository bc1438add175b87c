from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.records.readings import serve_readings
from tests.streaming.fixtures import Serve, Server

ServeReadings = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def serve_own(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> ServeReadings:
    """Serve the readings of engine tests: `with serve_own(BATCH_EXPORT_BATCH_ROWS="10")`."""
    return lambda **options: serve_readings(serve, tmp_path_factory.mktemp("readings"), **options)


@pytest.fixture(scope="session")
def service(serve_own: ServeReadings) -> Iterator[str]:
    with serve_own(TZ="America/New_York") as server:
        yield server.url
