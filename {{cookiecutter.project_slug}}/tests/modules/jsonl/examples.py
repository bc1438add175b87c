"""What the tests of the examples of `source.py` share."""

import json
import shutil
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx2

from tests.streaming.fixtures import APP, PROJECT, Serve, Server

PACKAGE = "{{ cookiecutter.package_name }}"
DOCS = PROJECT / "docs" / "modules" / "jsonl"
FIELDS = ["id", "sensor", "site", "recorded_at", "value", "note"]
SECRET = "hunter2"  # noqa: S105


def serve_example(
    serve: Serve, folder: Path, example: str, **environment: str
) -> AbstractContextManager[Server]:
    """Serve a copy of the service that has an example of the docs in place of its `source.py`."""
    package = find_spec(PACKAGE)
    assert package is not None
    assert package.origin is not None
    shutil.copytree(Path(package.origin).parent, folder / PACKAGE)
    shutil.copy(DOCS / example, folder / PACKAGE / "modules" / "jsonl" / "source.py")
    return serve(APP, PYTHONPATH=str(folder), TABLES="{}", **environment)


def records_at(server: Server) -> str:
    return f"{server.url}/records/readings"


def lines_of(response: httpx2.Response) -> list[Any]:
    return [json.loads(line) for line in response.content.split(b"\n")[:-1]]


def assert_problem(response: httpx2.Response, status: int, server: Server) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert SECRET not in response.text
    assert SECRET not in server.log
