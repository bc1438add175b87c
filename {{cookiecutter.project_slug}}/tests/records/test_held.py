import time
from collections.abc import Iterator

import pytest

from tests.streaming.burst import burst

READERS = 20
SECONDS = 2
MOST_HELD = 0.02


@pytest.fixture(scope="module")
def url(serve) -> Iterator[str]:
    with serve("tests.records.held_app:app") as server:
        yield server.url


@pytest.mark.parametrize(
    ("name", "kind", "rows", "row_bytes"),
    [
        ("csv", "objects", 200, 250_000),
        ("parquet", "batches", 20_000, 200),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ("csv", "objects", 20_000, 200),
                ("csv", "batches", 200, 250_000),
                ("jsonl", "batches", 200, 250_000),
                ("jsonl", "objects", 200, 250_000),
                ("json", "objects", 20_000, 200),
                ("arrow", "objects", 20_000, 200),
                ("arrow", "batches", 200, 250_000),
                ("parquet", "objects", 20_000, 200),
                ("parquet", "batches", 200, 250_000),
            ]
        ),
    ],
)
def test_encoding_does_not_hold_the_event_loop(http, url, name, kind, rows, row_bytes):
    path = f"/streams/{name}/{kind}?rows={rows}&row_bytes={row_bytes}"
    with burst(url, path, 1):  # makes what is streamed
        time.sleep(0.5)
    http.get(f"{url}/held")
    with burst(url, path, READERS):
        time.sleep(SECONDS)
        held = http.get(f"{url}/held").json()
    assert held < MOST_HELD, f"{held * 1000:.0f} ms"
