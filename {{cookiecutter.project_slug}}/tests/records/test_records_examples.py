import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import create_async_engine

from {{ cookiecutter.package_name }}.streaming import (
    add_streaming,
)

from tests.records import examples, table_examples
from tests.streaming.pages import python_blocks

PAGE = Path(__file__).parents[2] / "docs" / "records.md"


@asynccontextmanager
async def stored_squares(app: FastAPI) -> AsyncGenerator[None]:
    async with examples.engine.begin() as connection:
        await connection.run_sync(examples.Base.metadata.create_all)
        rows = [{"number": n, "square": n**2, "secret": "x"} for n in (1, 2)]
        await connection.execute(insert(examples.StoredSquare), rows)
    yield
    await examples.engine.dispose()


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'squares.db'}")
    monkeypatch.setattr(examples, "engine", engine)
    app = FastAPI(lifespan=stored_squares)
    add_streaming(app, problems=True)
    app.include_router(examples.router)
    with TestClient(app) as client:
        yield client


def test_squares_are_json_lines(client):
    response = client.get("/squares?count=3")
    assert response.headers["content-type"] == "application/jsonl"
    assert [json.loads(line) for line in response.iter_lines()] == [
        {"number": 0, "square": 0},
        {"number": 1, "square": 1},
        {"number": 2, "square": 4},
    ]


LINES = '{"number":1,"square":1}\n{"number":2,"square":4}\n'


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/squares.csv", "number,square\n1,1\n2,4\n"),
        ("/stored-squares", LINES),
        ("/frame", LINES),
        (
            "/any-format",
            '{"number":1,"square":1}\n{"@end": {"status": "complete", "records": 1}}\n',
        ),
    ],
)
def test_an_example_streams(client, path, text):
    assert client.get(path).text == text


def test_the_checked_example_ends_with_its_count(client):
    *_, last = client.get("/checked-squares").iter_lines()
    assert json.loads(last) == {"@end": {"status": "complete", "records": 1_000}}


def test_the_docs_show_the_examples_as_they_are():
    files = (Path(examples.__file__), Path(table_examples.__file__), Path(__file__))
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    blocks = python_blocks(PAGE)
    assert len(blocks) > 5
    assert not [block for block in blocks if block not in code]
