import csv
import io
import json
import re

import httpx2
import pytest

from {{ cookiecutter.package_name }}.modules.jsonl import (
    negotiation,
)


@pytest.fixture
def url(service: str) -> str:
    return f"{service}/records/readings"


def test_json_lines_is_the_default_and_every_line_is_a_record(http, url):
    response = http.get(url)
    assert response.headers["content-type"] == "application/jsonl"
    records = [json.loads(line) for line in response.text.split("\n")[:-1]]
    assert [record["id"] for record in records] == list(range(1, 60_001))
    assert re.fullmatch(r"2026-01-01T00:00:01Z", records[0]["recorded_at"])
    assert {type(record["value"]) for record in records} == {float}


def test_the_same_records_come_in_every_format(http, url):
    def get(media_type: str) -> httpx2.Response:
        response = http.get(url, headers={"Accept": media_type}, params={"limit": 12_345})
        assert response.headers["content-type"].partition(";")[0] == media_type
        assert response.headers["vary"] == "Accept, Accept-Encoding"
        return response

    array = get("application/json").json()
    assert len(array) == 12_345
    for media_type in ("application/jsonl", "application/x-ndjson"):
        assert [json.loads(line) for line in get(media_type).content.splitlines()] == array
    rows = list(csv.DictReader(io.StringIO(get("text/csv").text)))
    assert [row["note"] or None for row in rows] == [record["note"] for record in array]
    assert [float(row["value"]) for row in rows] == [record["value"] for record in array]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/jsonl"),
        ("text/*", "text/csv"),
        ("application/json;q=0.5, text/csv;q=0.9", "text/csv"),
        ("application/jsonl;q=0, */*", "application/x-ndjson"),
    ],
)
def test_the_accept_header_chooses_the_format(http, url, accept, media_type):
    response = http.get(url, headers={"Accept": accept}, params={"limit": 1})
    assert response.headers["content-type"].partition(";")[0] == media_type


def test_a_format_that_there_is_not_gets_406_with_those_that_there_are(http, url):
    response = http.get(url, headers={"Accept": "image/png"})
    assert response.status_code == 406
    assert "text/csv" in response.json()["detail"]


@pytest.mark.parametrize("media_type", ["application/jsonl", "application/x-ndjson"])
def test_the_end_record_comes_last_when_it_is_asked_for(http, url, media_type):
    params = {"end": "true", "limit": "3"}
    response = http.get(url, params=params, headers={"Accept": media_type})
    *records, end = response.content.splitlines()
    assert len(records) == 3
    assert json.loads(end) == {"@end": {"status": "complete", "records": 3}}


def test_a_cursor_resumes_behind_a_record(http, url):
    response = http.get(url, params={"after": 59_998}, headers={"Accept": "application/json"})
    assert [record["id"] for record in response.json()] == [59_999, 60_000]


@pytest.mark.parametrize(
    ("media_type", "empty"),
    [
        ("application/jsonl", ""),
        ("application/json", "[]\n"),
        ("text/csv", "id,sensor,site,recorded_at,value,note\n"),
    ],
)
def test_no_records_is_a_valid_stream(http, url, media_type, empty):
    response = http.get(url, params={"after": 60_000}, headers={"Accept": media_type})
    assert (response.status_code, response.text) == (200, empty)


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", 0), ("limit", "many"), ("after", 2**63), ("after", "9" * 1000), ("end", "maybe")],
)
def test_a_wrong_parameter_is_named(http, url, name, value):
    response = http.get(url, params={name: value})
    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [f"query.{name}"]


def test_an_unknown_source_gets_404_with_those_that_there_are(http, service):
    response = http.get(f"{service}/records/nope")
    assert response.status_code == 404
    assert "readings" in response.json()["detail"]


def test_openapi_describes_each_record(http, service):
    openapi = http.get(f"{service}/openapi.json").json()
    content = openapi["paths"]["/records/{source}"]["get"]["responses"]["200"]["content"]
    [item] = content["application/jsonl"]["itemSchema"]["anyOf"]
    schema = openapi["components"]["schemas"][item["$ref"].rpartition("/")[2]]
    assert list(schema["properties"]) == ["id", "sensor", "site", "recorded_at", "value", "note"]


def test_a_setting_makes_the_end_record_the_default(monkeypatch):
    assert not negotiation.negotiate().end(0)
    monkeypatch.setenv("JSONL_END_RECORD", "true")
    assert b"complete" in negotiation.negotiate().end(0)
    assert not negotiation.negotiate(end=False).end(0)


def test_its_streams_are_counted(http, service):
    http.get(f"{service}/records/readings")
    assert 'streaming_records_total{module="jsonl"}' in http.get(f"{service}/metrics").text
