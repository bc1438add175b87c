import pytest
from depot.service import app
from fastapi.testclient import TestClient

TOKEN = {"X-Token": "sesame"}


@pytest.fixture(scope="module")
def client():
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_nobody_comes_in_without_a_token(client):
    assert client.get("/shelves").json() == {"detail": "Who are you?"}


def test_answers_are_signed_and_compressed(client):
    response = client.get("/shelves", headers=TOKEN | {"Accept-Encoding": "gzip"})
    assert response.json() == ["A" * 200]
    assert response.headers["x-signed-by"] == "depot"
    assert response.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/fails", {"failed": True}),
        ("/nope", {"nothing": "/nope"}),
        ("/docs", {"nothing": "/docs"}),
    ],
)
def test_errors_have_the_depots_own_form(client, path, answer):
    assert client.get(path, headers=TOKEN).json() == answer
