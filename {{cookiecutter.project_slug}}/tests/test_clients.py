import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "clients"
CLIENTS = [
    str(path.relative_to(FOLDER))
    for path in sorted(FOLDER.glob("*/*"))
    if path.suffix in {".py", ".js", ".sh"}
]


@pytest.mark.parametrize("limits", [{"attempts": "abc"}, {"stall_seconds": 0}])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_refuses_a_limit_that_is_none(run_client, client, limits):
    said = run_client(client, "--help").stdout.lower()
    if "stall" not in said:
        pytest.skip("it has no limits")
    if "attempts" not in said:
        limits = {"stall_seconds": 0}  # it never gives up
    result = run_client(client, "http://127.0.0.1:1/", limits=limits)
    assert result.returncode not in {0, None}
    assert "Again in" not in result.stderr
    [name] = limits
    said = re.sub("[-_]| must", " ", result.stderr).lower()
    assert name.replace("_", "") in said.replace(" ", ""), result.stderr


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_has_help(run_client, client):
    result = run_client(client, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert Path(client).name in result.stdout
    # In a shell they are variables.
    if "stall" not in result.stdout.lower():
        pytest.skip("it has no limits")
    never_gives_up = "events" in result.stdout
    limits = {"stall.seconds"} if never_gives_up else {"attempts", "stall.seconds"}
    for limit in limits:
        assert re.search(limit, result.stdout, re.IGNORECASE), limit
