"""What the modules promise, asked of the host's own app: a test that is put into each host."""

import json
import os
from uuid import uuid4

import httpx2
import pytest

PREFIX = os.environ["HOST_PREFIX"]
HEADERS = json.loads(os.environ["HOST_HEADERS"])
OPENAPI = os.environ["HOST_OPENAPI"]
READY_SECONDS = 20


@pytest.fixture(scope="module")
def server(serve):
    demo = {"DEMO_ROWS": "2000", "DEMO_PERIOD_SECONDS": "0.1"}
    with serve(os.environ["HOST_APP"], **demo, PYTHONPATH=os.environ["PYTHONPATH"]) as server:
        yield server


@pytest.fixture(scope="module")
def host(server):
    url = server.url + PREFIX
    with httpx2.Client(base_url=url, headers=HEADERS, timeout=READY_SECONDS) as client:
        yield client


def test_records_come_in_lines(host):
    response = host.get("/records/readings?limit=2")
    assert [json.loads(line)["id"] for line in response.text.splitlines()] == [1, 2]


def test_a_part_of_a_file_comes(host):
    response = host.get("/files/readings.csv", headers={"Range": "bytes=0-1"})
    assert (response.status_code, response.text) == (206, "id")


def test_an_export_is_whole(host):
    content = host.get("/exports/readings?format=parquet").content
    assert content[:4] == content[-4:] == b"PAR1"


@pytest.mark.parametrize(
    ("path", "status"), [("/records/readings?limit=x", 422), ("/records/nope", 404)]
)
def test_what_is_wrong_is_a_problem(host, path, status):
    response = host.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


def test_what_is_not_allowed_says_what_is(host):
    response = host.delete("/records/readings")
    assert response.status_code == 405
    assert "GET" in response.headers["allow"]
    assert host.head("/files/readings.csv").status_code == 200


def test_openapi_is_where_the_host_has_it(host, server):
    beside = server.url + (OPENAPI or "/openapi.json").replace(".json", "-3.1.json")
    assert host.get(beside).status_code == (200 if OPENAPI else 404)
    if OPENAPI:
        assert "itemSchema" in host.get(server.url + OPENAPI).text
        assert host.get(beside).json()["openapi"] == "3.1.1"


def test_events_pass_at_once_and_end_with_the_process(host, server):
    topic = "/events/" + uuid4().hex
    with host.stream("GET", topic) as response:
        lines = response.iter_lines()
        assert next(lines).startswith(":")
        for value in ("first", "second"):
            host.post(topic, json=value)
            assert f'data: "{value}"' in iter(lambda: next(lines), None)
        server.process.terminate()
        assert not [line for line in lines if line.startswith("data:")]
    server.process.wait(READY_SECONDS)
    assert "Traceback" not in server.log
