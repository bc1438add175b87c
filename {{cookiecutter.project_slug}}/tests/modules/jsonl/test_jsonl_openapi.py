import json
import os
import sys
from pathlib import Path

import pytest

from tests.streaming.fixtures import PROJECT

COMMAND = [
    "schemathesis.cli",
    "run",
    "--include-path=/records/readings",
    "--phases=coverage,fuzzing",
    "--max-examples=100",
]
GENERATE = ["openapi_python_client", "generate", "--meta=none", "--output-path=generated"]
# What somebody writes with the client that was generated.
USE = """
import json, sys
from generated import Client
from generated.api.jsonl.jsonl_readings import sync
from generated.models import JsonlReadingsFormatType0 as Format

with Client(base_url=sys.argv[1]) as client:
    readings = sync(client=client, format_=Format.JSON, site="Lyon", id_from=10, limit=5)
    print(json.dumps([reading.to_dict() for reading in readings]))
    print(sync(client=client, format_=Format.JSON, after="altered").errors[0]["location"])
"""


@pytest.mark.slow
def test_a_client_that_is_generated_from_openapi_3_1_reads_records(
    http, service, run, tmp_path: Path
):
    options = [*GENERATE, f"--url={service}/openapi-3.1.json"]
    result = run(sys.executable, "-m", *options)
    assert result.returncode == 0, result.stdout + result.stderr
    result = run(
        sys.executable, "-c", USE, service, env={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    assert result.returncode == 0, result.stderr
    readings, location = result.stdout.splitlines()
    asked = f"{service}/records/readings?format=json&site=Lyon&id_from=10&limit=5"
    assert json.loads(readings.replace("+00:00", "Z")) == http.get(asked).json()
    assert location == "query.after"


@pytest.mark.slow
def test_requests_made_from_openapi_find_nothing_wrong(service, run):
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "SCHEMATHESIS_HOOKS": "tests.modules.jsonl.api_hooks",
    }
    # The same requests each time where a failure would be somebody else's; Hypothesis does so itself.
    same = ["--generation-deterministic"] if "CI" in os.environ else []
    arguments = [*COMMAND, *same, f"{service}/openapi.json"]
    result = run(sys.executable, "-m", *arguments, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 selected" in result.stdout
