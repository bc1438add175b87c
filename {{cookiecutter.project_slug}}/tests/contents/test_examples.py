from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.streaming import (
    add_streaming,
)

from tests.contents import examples
from tests.streaming.pages import python_blocks

PAGE = Path(__file__).parents[2] / "docs" / "contents.md"


def test_the_example_answers_as_the_docs_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("reports").mkdir()
    Path("reports", "may.txt").write_text("0123456789")
    app = FastAPI()
    add_streaming(app, problems=True)
    app.include_router(examples.router)
    with TestClient(app) as client:
        whole = client.get("/reports/may.txt", headers={"Want-Repr-Digest": "sha-256=10"})
        assert whole.text == "0123456789"
        assert whole.headers["Repr-Digest"].startswith("sha-256=:")
        same = {"If-None-Match": whole.headers["ETag"]}
        assert client.get("/reports/may.txt", headers=same).status_code == 304
        part = client.get("/reports/may.txt", headers={"Range": "bytes=2-3"})
        assert (part.status_code, part.text) == (206, "23")
        problem = client.get("/reports/june.txt")
        assert problem.status_code == 404
        assert problem.headers["Content-Type"] == "application/problem+json"


def test_the_docs_show_the_example_as_it_is():
    code = Path(__file__).with_name("examples.py").read_text(encoding="utf-8")
    blocks = python_blocks(PAGE)
    assert blocks
    assert not [block for block in blocks if block not in code]
