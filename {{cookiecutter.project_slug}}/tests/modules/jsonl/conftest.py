from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.modules.jsonl.chunks import ChunkServer, serve_chunks
from tests.records.readings import serve_readings
from tests.streaming.fixtures import Serve, Server

ServeReadings = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def serve_own(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> ServeReadings:
    """Serve the readings of engine tests: `with serve_own(JSONL_BATCH_ROWS="10") as server`."""
    return lambda **options: serve_readings(serve, tmp_path_factory.mktemp("readings"), **options)


@pytest.fixture(scope="session")
def service(serve_own: ServeReadings) -> Iterator[str]:
    with serve_own(TZ="America/New_York") as server:
        yield server.url


@pytest.fixture(scope="package")
def failing_service(serve_own: ServeReadings) -> Iterator[str]:
    app = "tests.modules.jsonl.failing_service:app"
    with serve_own(app=app, rows=3_000, JSONL_BATCH_ROWS="1000") as server:
        yield server.url


@pytest.fixture(scope="package")
def chunk_server() -> Iterator[ChunkServer]:
    """A server that sends what a test puts into its `chunks`."""
    with serve_chunks() as server:
        yield server
