"""Programs that people read exports with, against the service."""

import json
from datetime import datetime
from typing import Any

import pytest

from tests.records.consumers import lines_of, read
from tests.streaming.fixtures import PROJECT

WORKS, FAILS = lines_of(PROJECT / "docs" / "modules" / "batch_export" / "consumers.md")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(serve):
    with serve(DEMO_ROWS="2000", DEMO_PERIOD_SECONDS="3600") as server:  # no reading comes between
        yield f"{server.url}/exports/readings"


@pytest.fixture(scope="module")
def truth(http, url) -> list[dict[str, Any]]:
    lines = http.get(f"{url}?format=jsonl").text.splitlines()
    records = [json.loads(line) for line in lines]
    for record in records:
        record["recorded_at"] = datetime.fromisoformat(record["recorded_at"]).timestamp()
    return records


@pytest.mark.parametrize("code", WORKS)
def test_a_line_of_the_docs_reads_the_whole_table(require, url, truth, code, tmp_path):
    require("curl")
    assert read(code, url, tmp_path) == truth


@pytest.mark.parametrize("code", FAILS)
def test_what_does_not_read_a_stream_says_so(url, code, tmp_path):
    with pytest.raises((OSError, RuntimeError)):
        read(code, url, tmp_path)
