import json
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parents[3] / "clients"


@pytest.fixture
def follow(require: Callable[..., str]) -> Callable[[str, str, int], list[int]]:
    """The ids of the first readings that a client prints; it has no end, so it is ended."""
    programs = {".py": lambda: sys.executable, ".js": lambda: require("node")}

    def read_ids(client: str, url: str, count: int) -> list[int]:
        path = CLIENTS / client
        program = programs.get(path.suffix, lambda: require("curl") and require("sh"))()
        command = [program, path, f"{url}/events/readings"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
            assert process.stdout is not None
            lines = (line for line in process.stdout if "{" in line)
            readings = [json.loads(line[line.index("{") :]) for line in islice(lines, count)]
            process.terminate()
        return [reading["id"] for reading in readings]

    return read_ids


@pytest.mark.parametrize("client", ["python/sse.py", "javascript/sse.js", "curl/sse.sh"])
def test_a_client_follows_the_events(service, follow, client):
    first, *rest = follow(client, service, 3)
    assert rest == [first + 1, first + 2]


@pytest.mark.slow
@pytest.mark.parametrize("client", ["python/sse.py", "javascript/sse.js"])
def test_a_client_resumes_a_stream_that_is_cut_off(follow, cut_off, client):
    first, *rest = follow(client, cut_off(1, after=500), 8)
    assert rest == list(range(first + 1, first + 8))


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
