import subprocess
import sys

import pytest

ATTEMPTS = 3  # a machine that has other work may be late itself


@pytest.mark.alone
@pytest.mark.slow
def test_every_scenario_is_passed(service):
    """The load test with its budgets, as short as it can be."""
    command = [sys.executable, "-m", "loadtest", "--url", service, "--duration", "3s"]
    said = ""
    for _ in range(ATTEMPTS):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        said += result.stdout + result.stderr
        if result.returncode == 0:
            assert ": passed" in result.stdout
            return
    pytest.fail(said)
