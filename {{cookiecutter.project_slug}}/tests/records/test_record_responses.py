"""Endpoints that yield, with a response class for each format."""

import io
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openapi_spec_validator import validate

from tests.records.responses_app import FORMATS

SQUARES = [{"number": number, "square": number**2} for number in range(3)]
LINES = "".join(f"{json.dumps(square, separators=(',', ':'))}\n" for square in SQUARES)
REFERENCE = {"$ref": "#/components/schemas/Square"}
READ = {
    "jsonl": lambda body: [json.loads(line) for line in body.splitlines()],
    "ndjson": lambda body: [json.loads(line) for line in body.splitlines()],
    "json": json.loads,
    "checked": lambda body: [json.loads(line) for line in body.splitlines()[:-1]],
    "csv": lambda body: [
        {"number": int(number), "square": int(square)}
        for number, square in (line.split(",") for line in body.decode().splitlines()[1:])
    ],
    "parquet": lambda body: pq.read_table(io.BytesIO(body)).to_pylist(),
    "arrow": lambda body: pa.ipc.open_stream(body).read_all().to_pylist(),
    "events": lambda body: [json.loads(line[5:]) for line in body.splitlines() if line],
}


@pytest.fixture(scope="module")
def server(serve) -> Iterator:
    with serve("tests.records.responses_app:app") as server:
        yield server


@pytest.fixture(scope="module")
def url(server) -> str:
    return server.url


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("way", ["async", "blocking", "returned"])
def test_an_endpoint_streams_its_records_in_the_format_of_its_class(http, url, way, name):
    response = http.get(f"{url}/squares/{way}/{name}")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(FORMATS[name].media_type)
    assert READ[name](response.content) == SQUARES
    assert response.headers.get("formula-guard") == ("apostrophe" if name == "csv" else None)


def test_a_subclass_has_options_of_its_own(http, url):
    *_, last = http.get(f"{url}/squares/async/checked").text.splitlines()
    assert json.loads(last) == {"@end": {"status": "complete", "records": 3}}


def test_the_class_gets_the_endpoints_own_generator(http, url):
    whose = http.get(f"{url}/whose").text
    assert whose == "my_own_generator", "FastAPI wraps generators in another way than it did"


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/dicts", '{"number":2,"square":4}\n'),
        ("/lists", '{"number":0,"square":0}\n{"number":1,"square":1}\n'),
        ("/batches", '{"number":2}\n'),
    ],
)
def test_records_are_those_of_the_annotation(http, url, path, lines):
    assert http.get(url + path).text == lines


def test_an_event_is_what_its_item_is(http, url):
    assert http.get(f"{url}/named-events").text == (
        'event: square\ndata: {"number":2}\nid: 2\nretry: 10\n\n'
        ": raw\ndata: two\ndata: lines\n\n"
        "data: bytes\n\n"
        "data: null\n\n"
    )


@pytest.mark.parametrize("way", ["wrong", "wrong-blocking"])
@pytest.mark.parametrize(
    ("path", "kind"),
    [("text", "str"), ("number", "int"), ("texts", "str"), ("chunk", "str"), ("none", "NoneType")],
)
def test_what_is_no_record_is_a_problem_and_its_type_is_in_the_log(http, server, way, path, kind):
    said = len(server.log)
    response = http.get(f"{server.url}/{way}/{path}")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert kind not in response.text
    deadline = time.monotonic() + 2
    while not re.search(rf"^TypeError: .*\b{kind}\b", server.log[said:], re.MULTILINE):
        assert time.monotonic() < deadline, server.log[said:]
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["csv", "json", "parquet", "arrow"])
def test_an_empty_result_is_a_valid_file(http, url, name):
    response = http.get(f"{url}/squares/async/{name}?count=0")
    assert (response.status_code, READ[name](response.content)) == (200, [])


@pytest.mark.parametrize("way", ["async", "blocking"])
@pytest.mark.parametrize("name", ["jsonl", "csv", "events"])
def test_the_generator_is_closed_when_the_client_leaves(http, url, way, name):
    def times_closed() -> int:
        return http.get(f"{url}/closed").json().count(name)

    before = times_closed()
    with http.stream("GET", f"{url}/squares/{way}/{name}?count=100000000") as response:
        next(response.iter_raw())
    deadline = time.monotonic() + 2
    while times_closed() == before:
        assert time.monotonic() < deadline, "the generator still runs"
        time.sleep(0.01)


def test_concurrent_cursors_of_sqlite3_stream_to_their_ends(url):
    def count(_: int) -> int:
        return len(httpx2.get(f"{url}/sqlite3", timeout=30).text.splitlines())

    with ThreadPoolExecutor(8) as clients:
        assert list(clients.map(count, range(8))) == [20_000] * 8


def test_the_background_task_of_a_file_runs(http, url):
    assert http.get(f"{url}/file", headers={"Connection": "close"}).status_code == 200
    deadline = time.monotonic() + 2
    while http.get(f"{url}/done").json() != ["file"]:
        assert time.monotonic() < deadline, "the task did not run"
        time.sleep(0.01)


def test_openapi_describes_what_is_yielded(http, url):
    document = http.get(f"{url}/openapi.json").json()
    validate(document)

    def media_type(path: str) -> dict:
        [described] = document["paths"][path]["get"]["responses"]["200"]["content"].values()
        return described

    for way in ("async", "blocking"):
        assert media_type(f"/squares/{way}/jsonl") == {"itemSchema": REFERENCE}
        assert media_type(f"/squares/{way}/ndjson") == {"itemSchema": REFERENCE}
        array = {"type": "array", "items": REFERENCE}
        assert media_type(f"/squares/{way}/json") == {"schema": array}
        event = media_type(f"/squares/{way}/events")["itemSchema"]["properties"]
        assert event["data"]["contentSchema"] == REFERENCE
    assert media_type("/lists") == {"itemSchema": REFERENCE}
    assert set(document["components"]["schemas"]["Square"]["properties"]) == {"number", "square"}
