import os
import sys

import pytest

from tests.streaming.fixtures import PROJECT

COMMAND = [
    "schemathesis.cli",
    "run",
    "--include-path=/records/readings",
    "--phases=coverage,fuzzing",
    "--max-examples=100",
]


@pytest.mark.slow
def test_requests_made_from_openapi_find_nothing_wrong(service, run):
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "SCHEMATHESIS_HOOKS": "tests.modules.jsonl.api_hooks",
    }
    result = run(sys.executable, "-m", *COMMAND, f"{service}/openapi.json", env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 selected" in result.stdout
