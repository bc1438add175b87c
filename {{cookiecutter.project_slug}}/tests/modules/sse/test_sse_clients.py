import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parents[3] / "clients"


@pytest.fixture
def follow(service: str, require: Callable[[str], str]) -> Callable[[str], list[str]]:
    """Run a client, which has no end, until it has printed three lines with data."""

    def read_three_lines(client: str) -> list[str]:
        program = {".py": lambda: sys.executable, ".js": lambda: require("node")}
        path = CLIENTS / client
        command = [program.get(path.suffix, lambda: require("sh"))(), path]
        with subprocess.Popen(
            [*command, f"{service}/events/readings"], stdout=subprocess.PIPE, encoding="utf-8"
        ) as process:
            assert process.stdout is not None
            lines = (line for line in process.stdout if "{" in line)
            found = [next(lines) for _ in range(3)]
            process.terminate()
        return found

    return read_three_lines


@pytest.mark.parametrize("client", ["python/sse.py", "javascript/sse.js", "curl/sse.sh"])
def test_a_client_follows_the_events(follow, client):
    lines = follow(client)
    ids = [json.loads(line[line.index("{") :])["id"] for line in lines]
    assert [reading_id - ids[0] for reading_id in ids] == [0, 1, 2]


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
