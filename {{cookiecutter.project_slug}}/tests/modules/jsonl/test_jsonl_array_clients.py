"""The clients that read a JSON array while it comes."""

import json
import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.streaming.fixtures import PROJECT

SCRIPT = PROJECT / "tests" / "modules" / "jsonl" / "read_array.mjs"
PACKAGE = "@streamparser/json@0.0.26"
Read = Callable[[str], tuple[int, list[Any]]]


@pytest.fixture(params=["python", "javascript"])
def read(request: pytest.FixtureRequest, require, run, run_client, tmp_path) -> Read:
    """Give the exit status of a client, and what it has printed."""

    def read_by_python(url: str) -> Any:
        return run_client("python/jsonl/json_array.py", url)

    def read_by_javascript(url: str) -> Any:
        return run(require("node"), SCRIPT, clients / "jsonl" / "json_array.js", url)

    if request.param == "javascript":
        clients = shutil.copytree(PROJECT / "clients" / "javascript", tmp_path / "clients")
        options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
        install = run(require("npm"), "install", *options, PACKAGE, cwd=clients)
        if install.returncode and os.environ.get("REQUIRE_SERVICES") != "1":
            pytest.skip("npm's packages cannot be had")
        assert install.returncode == 0, install.stderr
    by = {"python": read_by_python, "javascript": read_by_javascript}[request.param]

    def read_all(url: str) -> tuple[int, list[Any]]:
        result = by(url)
        return result.returncode, [json.loads(line) for line in result.stdout.split("\n")[:-1]]

    return read_all


@pytest.mark.slow
def test_a_json_array_is_read_as_it_comes(http, read, service, chunk_server):
    url = f"{service}/records/readings?limit=3000"
    expected = http.get(url, headers={"Accept": "application/json"}).json()
    assert read(url) == (0, expected)
    assert read(f"{service}/records/readings?limit=0")[0] == 1
    for whole in ([b"[]"], [b'[{"a":"\xe6', b"\x9d", b'\xb1"}', b"]"]):
        chunk_server.chunks = whole
        assert read(chunk_server.url) == (0, json.loads(b"".join(whole)))
        chunk_server.chunks = [b"".join(whole)[:-1]]
        assert read(chunk_server.url)[0] == 1


@pytest.mark.slow
def test_integers_of_a_json_array_are_exact(read, chunk_server):
    chunk_server.chunks = [b'[{"a":90071992', b'54740993,"b":9007199254740993.5,"c":-1}]']
    status, [record] = read(chunk_server.url)
    assert status == 0
    assert str(record["a"]).removesuffix("n") == "9007199254740993"
    assert (record["b"], record["c"]) == (9007199254740993.5, -1)
