import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "clients"
CLIENTS = [
    str(path.relative_to(FOLDER))
    for path in sorted(FOLDER.glob("*/*"))
    if path.suffix in {".py", ".js", ".sh"}
]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_has_help(run_client, client):
    result = run_client(client, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert Path(client).name in result.stdout
    # In a shell they are variables.
    never_gives_up = "events" in result.stdout
    limits = {"stall.seconds"} if never_gives_up else {"attempts", "stall.seconds"}
    for limit in limits:
        assert re.search(limit, result.stdout, re.IGNORECASE), limit
