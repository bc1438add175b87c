import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parents[3] / "clients"


def follow(*command: str | Path) -> subprocess.Popen[str]:
    """Start a client, which has no end of its own."""
    return subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")


def read_ids(client: subprocess.Popen[str]) -> list[int]:
    """The ids of the first three readings that a client prints; ends the client."""
    with client:
        assert client.stdout is not None
        readings = (json.loads(line[line.index("{") :]) for line in client.stdout if "{" in line)
        ids = [reading["id"] for reading in islice(readings, 3)]
        client.terminate()
    return ids


def test_every_client_follows_the_events(service, require):
    url = f"{service}/events/readings"
    clients = [
        follow(sys.executable, CLIENTS / "python" / "sse.py", url),
        follow(require("node"), CLIENTS / "javascript" / "sse.js", url),
        follow(require("sh"), CLIENTS / "curl" / "sse.sh", url),
    ]
    for client in clients:
        first, *rest = read_ids(client)
        assert rest == [first + 1, first + 2]


@pytest.mark.slow
def test_the_javascript_client_follows_the_events_in_a_browser(in_browser):
    script = """
        const ids = [];
        for await (const event of client.readEvents(`${service}/events/readings`)) {
          ids.push(JSON.parse(event.data).id);
          if (ids.length === 2) return ids;
        }
    """
    first, second = in_browser("sse.js", script)
    assert second == first + 1


@pytest.mark.slow
def test_the_load_test_runs_without_a_failure(run_load_test):
    assert "/events (delivery)" in run_load_test("sse.py")
