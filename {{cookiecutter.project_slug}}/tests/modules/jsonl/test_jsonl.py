import csv
import io
import json

import httpx2
import pytest
from openapi_spec_validator import validate
from pydantic import BaseModel

from {{ cookiecutter.package_name }}.modules.jsonl import (
    cursors,
    negotiation,
    parameters,
    record_source,
)

JSON = {"Accept": "application/json"}
FIELDS = ["id", "sensor", "site", "recorded_at", "value", "note"]


@pytest.fixture
def url(service: str) -> str:
    return f"{service}/records/readings"


def test_json_lines_is_the_default_and_every_line_is_a_record(http, url):
    response = http.get(url, params={"limit": 60_000})
    assert response.headers["content-type"] == "application/jsonl"
    records = [json.loads(line) for line in response.text.split("\n")[:-1]]
    assert [record["id"] for record in records] == list(range(1, 60_001))
    assert records[0]["recorded_at"] == "2026-01-01T00:00:01Z"
    assert {type(record["value"]) for record in records} == {float}


def test_the_same_records_come_in_every_format(http, url):
    def get(media_type: str) -> httpx2.Response:
        response = http.get(url, headers={"Accept": media_type}, params={"limit": 12_345})
        assert response.headers["content-type"].partition(";")[0] == media_type
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
        ("", "application/jsonl"),
        ("*/*", "application/jsonl"),
        ("text/*", "text/csv"),
        ("application/json;q=0.5, text/csv;q=0.9", "text/csv"),
        ("application/jsonl;q=0, */*", "application/x-ndjson"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/jsonl"),
        ("TEXT/CSV", "text/csv"),
        ("text/csv; charset=utf-8", "text/csv"),
        ("application/json;charset=UTF-8;q=0.9, text/csv;q=0.1", "application/json"),
        (",,,", "application/jsonl"),
        *((name, name) for names in negotiation.ALIASES.values() for name in names),
    ],
)
def test_the_accept_header_chooses_the_format(http, url, accept, media_type):
    response = http.get(url, headers={"Accept": accept}, params={"limit": 1})
    assert response.headers["content-type"].partition(";")[0] == media_type
    assert response.headers["vary"] == "Accept, Accept-Encoding"


def test_accept_may_have_several_lines(http, url):
    accept = [("Accept", "image/png"), ("Accept", "text/csv")]
    response = http.get(url, headers=accept, params={"limit": 1})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/jsonl;q=0"])
def test_a_format_that_there_is_not_gets_406_with_those_that_there_are(http, url, accept):
    response = http.get(url, headers={"Accept": accept})
    assert response.status_code == 406
    assert response.headers["content-type"] == "application/problem+json"
    for media_type in ("application/jsonl", "application/x-ndjson", "application/json", "text/csv"):
        assert media_type in response.json()["detail"]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("jsonl", "application/jsonl"),
        ("ndjson", "application/x-ndjson"),
        ("json", "application/json"),
        ("csv", "text/csv"),
    ],
)
def test_a_link_can_name_the_format_and_be_saved_by_a_browser(http, url, name, media_type):
    params = {"format": name, "limit": 1, "download": "true"}
    response = http.get(url, params=params, headers={"Accept": "text/html"})
    assert response.headers["content-type"].partition(";")[0] == media_type
    assert response.headers["content-disposition"] == f'attachment; filename="readings.{name}"'
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["jsonl", "csv"])
def test_head_has_the_headers_of_get_and_no_body(http, url, name):
    params = {"format": name, "locale": "de"}
    get = http.get(url, params=params | {"limit": 1}).headers
    response = http.head(url, params=params)
    assert (response.status_code, response.content) == (200, b"")
    assert "content-length" not in response.headers
    same = ("content-type", "content-language", "vary", "x-content-type-options")
    assert [response.headers.get(key) for key in same] == [get.get(key) for key in same]
    assert http.head(url, params={"format": "png"}).status_code == 422


@pytest.mark.parametrize("media_type", ["application/jsonl", "application/x-ndjson"])
def test_the_end_record_comes_last_when_it_is_asked_for(http, url, media_type):
    params = {"end": "true", "limit": "3"}
    response = http.get(url, params=params, headers={"Accept": media_type})
    *records, last = response.content.splitlines()
    end = json.loads(last)["@end"]
    assert len(records) == 3
    assert (end["status"], end["records"]) == ("complete", 3)
    rest = http.get(url, params={"after": end["cursor"], "limit": 1}, headers=JSON)
    assert rest.json()[0]["id"] == 4


def test_the_end_record_is_off_unless_it_is_asked_for(http, url):
    for params in ({"limit": 1}, {"limit": 1, "end": "false"}):
        assert b"@end" not in http.get(url, params=params).content


@pytest.mark.slow
def test_a_setting_makes_the_end_record_the_default(http, serve_own):
    with serve_own(JSONL_END_RECORD="true") as server:
        url = f"{server.url}/records/readings?limit=1"
        assert b'{"@end": {"status": "complete"' in http.get(url).content
        assert b"@end" not in http.get(url + "&end=false").content


@pytest.mark.parametrize(
    ("media_type", "empty"),
    [
        ("application/jsonl", ""),
        ("application/json", "[]\n"),
        ("text/csv", "id,note\n"),
    ],
)
def test_no_records_is_a_valid_stream(http, url, media_type, empty):
    params = {"sensor": "none", "fields": "id,note"}
    response = http.get(url, params=params, headers={"Accept": media_type})
    assert (response.status_code, response.text) == (200, empty)


@pytest.mark.parametrize("separator", [",", "&fields="])
def test_fields_come_alone_and_in_the_order_in_which_they_are_asked_for(http, url, separator):
    query = f"limit=2&fields={separator.join(['note', 'id', 'note'])}"
    response = http.get(f"{url}?{query}", headers=JSON)
    assert [list(record) for record in response.json()] == [["note", "id"]] * 2


def test_a_field_that_there_is_not_is_named_with_those_that_there_are(http, url):
    response = http.get(url, params={"fields": "id,nope"})
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["location"] == "query.fields"
    assert all(field in error["detail"] for field in FIELDS)


def test_filters_leave_the_records_that_match(http, url):
    first, last = "2026-01-01T01:00:00Z", "2026-01-01T04:00:00+01:00"
    params = {"site": "東京", "recorded_at_from": first, "recorded_at_before": last}
    records = http.get(url, params=params, headers=JSON).json()
    assert {record["site"] for record in records} == {"東京"}
    assert first <= records[0]["recorded_at"]
    assert records[-1]["recorded_at"] < "2026-01-01T03:00:00Z"
    everything = http.get(url, params={"limit": 10_800}, headers=JSON).json()
    matching = [r for r in everything if r["site"] == "東京" and r["recorded_at"] >= first]
    assert records == matching[: len(records)]
    assert len(matching) - len(records) <= 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", 0),
        ("limit", "many"),
        ("limit", "9" * 100),
        ("end", "maybe"),
        ("format", "xml"),
        ("locale", "xx"),
        ("locale", "../../etc"),
        ("recorded_at_from", "yesterday"),
        ("recorded_at", "2026-01-01T00:00:00"),
        ("id", "one"),
        ("id", "9" * 30),
        ("value_before", "much"),
        ("note", "a\0b"),
        ("sitte", "Lyon"),
    ],
)
def test_a_wrong_parameter_is_named(http, url, name, value):
    response = http.get(url, params={name: value})
    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [f"query.{name}"]


def test_a_filter_cannot_have_the_name_of_another_parameter():
    class Filters(BaseModel):
        limit: int | None = None

    class Record(BaseModel):
        id: int

    class Clash(record_source.RecordSource):
        record = Record
        key = "id"
        filters = Filters

        def batches(self, query: record_source.RecordQuery) -> list[Record]:
            return []

    with pytest.raises(TypeError, match="limit"):
        parameters.source_parameters("clash", Clash(), cursors.Cursors("clash", int))


@pytest.mark.parametrize("follow", ["false", "true"])
def test_a_source_may_send_single_records_and_more_than_it_was_asked_for(
    http, failing_service, follow
):
    params = {"limit": 3, "end": "true", "follow": follow, "fields": "id"}
    response = http.get(f"{failing_service}/records/generous", params=params)
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert lines[:-1] == [{"id": 1}, {"id": 2}, {"id": 3}]
    assert lines[-1]["@end"]["status"] == "complete"


def test_an_unknown_source_gets_404_with_those_that_there_are(http, service):
    assert http.head(f"{service}/records/nope").status_code == 404
    response = http.get(f"{service}/records/nope")
    assert response.status_code == 404
    assert "readings" in response.json()["detail"]


BIGINT = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}


def test_openapi_describes_records_and_parameters(http, service):
    openapi = http.get(f"{service}/openapi.json").json()
    operation = openapi["paths"]["/records/readings"]["get"]
    validate(openapi)
    [item, end] = operation["responses"]["200"]["content"]["application/jsonl"]["itemSchema"][
        "anyOf"
    ]
    assert list(item["properties"]) == [*FIELDS, "@cursor"]
    assert item["properties"]["recorded_at"] == {"type": ["string", "null"], "format": "date-time"}
    assert list(end["properties"]) == ["@end"]
    parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert parameters["fields"]["schema"]["items"]["enum"] == FIELDS
    for name in ("site", "recorded_at_from", "value_before"):
        assert "Only rows" in parameters[name]["description"]
    assert parameters["id_from"]["schema"] == BIGINT


def test_openapi_describes_sources_that_are_no_tables(http, failing_service):
    openapi = http.get(f"{failing_service}/openapi.json").json()
    validate(openapi)
    operation = openapi["paths"]["/records/dies"]["get"]
    array = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert list(array["items"]["properties"]) == ["id", "site", "recorded_at", "@cursor"]


def test_its_streams_are_counted(http, service, url):
    http.get(url, params={"limit": 1})
    assert 'streaming_records_total{module="jsonl"}' in http.get(f"{service}/metrics").text


def test_integers_are_text_when_that_is_asked_for(http, url):
    for integers, expected in [("number", 1), ("text", "1")]:
        params = {"limit": 1, "fields": "id", "integers": integers, "format": "json"}
        assert http.get(url, params=params).json() == [{"id": expected}]
