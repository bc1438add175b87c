from collections.abc import Iterator

import pytest

from tests.streaming.nginx import H11


@pytest.fixture(scope="package")
def failing_service(serve) -> Iterator[str]:
    app = "tests.modules.jsonl.failing_service:app"
    with serve(app, *H11, DEMO_ROWS="3000", JSONL_BATCH_ROWS="1000") as server:
        yield server.url
