import json
import subprocess
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest


@pytest.fixture
def follow(client_command: Any) -> Callable[[str, str, int], list[int]]:
    """The ids of the first readings that a client prints; it has no end, so it is ended."""

    def read_ids(client: str, url: str, count: int) -> list[int]:
        command = client_command(client, f"{url}/events/readings")
        with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
            assert process.stdout is not None
            lines = (line for line in process.stdout if "{" in line)
            readings = [json.loads(line[line.index("{") :]) for line in islice(lines, count)]
            process.terminate()
        return [reading["id"] for reading in readings]

    return read_ids
