"""Programs that people read records with, against the service."""

import json
from datetime import datetime
from typing import Any

import pytest

from tests.records.consumers import lines_of, read
from tests.streaming.fixtures import PROJECT

WORKS, FAILS = lines_of(PROJECT / "docs" / "modules" / "jsonl" / "consumers.md")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(service: str) -> str:
    return f"{service}/records/readings?limit=1000"


@pytest.fixture(scope="module")
def truth(http, url) -> list[dict[str, Any]]:
    records = http.get(f"{url}&format=json").json()
    for record in records:
        record["recorded_at"] = datetime.fromisoformat(record["recorded_at"]).timestamp()
    return records


@pytest.mark.parametrize("code", WORKS)
def test_a_line_of_the_docs_reads_every_record(require, url, truth, code, tmp_path):
    require("curl")
    rows = read(code, url, tmp_path)
    for row in rows:
        if isinstance(row["recorded_at"], str):  # who reads JSON may leave times as they are
            row["recorded_at"] = datetime.fromisoformat(row["recorded_at"]).timestamp()
    assert rows == truth


@pytest.mark.parametrize("code", FAILS)
def test_what_does_not_read_a_stream_says_so(url, code, tmp_path):
    with pytest.raises((OSError, RuntimeError)):
        read(code, url, tmp_path)


def test_jq_reads_lines_and_arrays(run, require, url, truth):
    command = 'curl --fail --silent "$0" | jq --compact-output "$1"'
    for asked, program in [(url, ".note"), (f"{url}&format=json", ".[].note")]:
        result = run("sh", "-c", command, asked, program)
        notes = [json.loads(line) for line in result.stdout.split("\n")[:-1]]
        assert notes == [record["note"] for record in truth]
