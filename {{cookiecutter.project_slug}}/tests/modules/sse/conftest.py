import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest

from tests.streaming.fixtures import free_port
from tests.streaming.redis_server import RedisServer


@pytest.fixture
def follow(start_client: Any) -> Callable[[str, str, int], list[int]]:
    """The ids of the first readings that a client prints; it has no end, so it is ended."""

    def read_ids(client: str, url: str, count: int) -> list[int]:
        with start_client(client, f"{url}/events/readings") as output:
            lines = (line for line in output if "{" in line)
            readings = [json.loads(line[line.index("{") :]) for line in islice(lines, count)]
        return [reading["id"] for reading in readings]

    return read_ids


@pytest.fixture(scope="module")
def redis(require, tmp_path_factory) -> Iterator[RedisServer]:
    server = RedisServer(require("redis-server"), tmp_path_factory.mktemp("redis"), free_port())
    yield server
    server.kill()
