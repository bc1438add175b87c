from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.streaming import (
    add_streaming,
)

from tests.streaming import examples
from tests.streaming.pages import python_blocks

PAGE = Path(__file__).parents[2] / "docs" / "streaming.md"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.chdir(tmp_path)
    for name in ("service.log", "report.txt"):
        Path(name).write_text(name)
    app = FastAPI()
    add_streaming(app, problems=True)
    app.include_router(examples.router)
    with TestClient(app) as client:
        yield client


def test_letters_come_in_their_order(client):
    assert client.get("/letters").text == "abc"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/ticks", 'data: {"number":0}\n\ndata: {"number":1}\n\ndata: {"number":2}\n\n'),
        ("/log", "service.log"),
        ("/report", "report.txt"),
    ],
)
def test_an_example_streams(client, path, text):
    assert client.get(path).text == text


def test_the_docs_show_the_examples_as_they_are():
    code = "".join(
        Path(__file__).with_name(name).read_text(encoding="utf-8")
        for name in (
            "examples.py",
            "test_examples.py",
            "failing_app.py",
            "foreign_app.py",
            "background_app.py",
        )
    )
    blocks = python_blocks(PAGE)
    assert len(blocks) > 5
    assert not [block for block in blocks if block not in code]
