from collections.abc import Iterator

import pytest

from tests.modules.jsonl.chunks import ChunkServer, serve_chunks


@pytest.fixture(scope="package")
def failing_service(serve) -> Iterator[str]:
    app = "tests.modules.jsonl.failing_service:app"
    with serve(app, DEMO_ROWS="3000", JSONL_BATCH_ROWS="1000") as server:
        yield server.url


@pytest.fixture(scope="package")
def chunk_server() -> Iterator[ChunkServer]:
    """A server that sends what a test puts into its `chunks`."""
    with serve_chunks() as server:
        yield server
