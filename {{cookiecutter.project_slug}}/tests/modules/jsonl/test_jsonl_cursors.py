import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import httpx2
import pyarrow as pa
import pytest
from pydantic import AwareDatetime

from {{ cookiecutter.package_name }}.modules.jsonl import (
    cursors,
)

TWO = "WyJyZWFkaW5ncyIseyJpZCI6IjIifV0uEb8f"
FORGED = [
    TWO.replace("Ij", "Iz"),
    TWO.removesuffix("f"),
    "WyJyZWFkaW5ncyIseyJpZCI6IjIifV0",
    "9",
    "§",
    "=",
    "null",
    "WyJyZWFkaW5ncyIsMV0 ",
    base64.urlsafe_b64encode(b'["readings"]').decode(),
    base64.urlsafe_b64encode(b'["others",1]').decode(),
    base64.urlsafe_b64encode(b'["readings","x"]').decode(),
    base64.urlsafe_b64encode(b'["readings",18446744073709551616]').decode(),
    base64.urlsafe_b64encode(b"[" * 500).decode(),
    "A" * 5000,
]


@pytest.fixture
def url(service: str) -> str:
    return f"{service}/records/readings"


def records(response) -> list[dict]:
    return [json.loads(line) for line in response.text.split("\n")[:-1]]


@pytest.mark.parametrize("format", ["jsonl", "json", "csv"])
def test_every_record_has_its_cursor_when_it_is_asked_for(http, url, format):
    response = http.get(url, params={"cursors": "true", "limit": 1, "format": format})
    assert "@cursor" in response.text
    assert "@cursor" not in http.get(url, params={"limit": 1, "format": format}).text


@pytest.mark.parametrize("fields", ["id", "note"])
def test_a_cursor_resumes_behind_its_record_whatever_the_fields_are(http, url, fields):
    params = {"fields": fields, "limit": 3}
    first = records(http.get(url, params={**params, "cursors": "true"}))
    after = {**params, "after": first[0]["@cursor"], "limit": 2}
    rest = records(http.get(url, params=after))
    assert rest == [{fields: record[fields]} for record in first[1:]]


def test_pages_by_cursor_are_every_record_once(http, url):
    found: list[int] = []
    params = {"end": "true", "limit": 17_000}
    while True:
        *page, end = records(http.get(url, params=params))
        found += [record["id"] for record in page]
        if end["@end"]["records"] < params["limit"]:
            break
        params["after"] = end["@end"]["cursor"]
    assert found == list(range(1, 60_001))


def test_a_stream_without_records_ends_with_the_cursor_that_it_was_given(http, url):
    [record] = records(http.get(url, params={"cursors": "true", "limit": 1}))
    params = {"after": record["@cursor"], "sensor": "none", "end": "true"}
    [end] = records(http.get(url, params=params))
    assert end["@end"] == {"status": "complete", "records": 0, "cursor": record["@cursor"]}


@pytest.mark.parametrize("cursor", FORGED)
def test_what_is_no_cursor_of_the_source_is_refused(http, url, cursor):
    response = http.get(url, params={"after": cursor})
    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == ["query.after"]


@pytest.mark.parametrize(
    ("key_type", "key"),
    [
        (int, -(2**63)),
        (str, "~?>>>Füllstand/\N{OGHAM SPACE MARK}+?&"),
        (UUID, UUID("12345678123456781234567812345678")),
        (AwareDatetime, datetime(2026, 1, 1, 12, 30, 0, 123456, UTC)),
    ],
)
def test_a_cursor_carries_any_key_and_needs_no_escapes_in_a_url(key_type, key):
    one = cursors.Cursors("source", key_type)
    assert one.decode(one.encode(key)) == key
    assert one.encode(key).replace("-", "a").replace("_", "a").isalnum()
    if key_type is not UUID:
        assert one.encode_all(pa.array([key])).to_pylist() == [one.encode(key)]


@pytest.mark.parametrize("key_type", [float, bytes, dict, bool])
def test_a_key_that_json_does_not_give_back_is_refused_at_the_start(key_type):
    with pytest.raises(TypeError, match="'source'"):
        cursors.Cursors("source", key_type)


def test_a_time_without_a_zone_is_no_key():
    with pytest.raises(ValueError, match="zone"):
        cursors.Cursors("source", datetime).encode(datetime(2026, 1, 1))


def test_an_error_in_the_middle_says_where_to_resume(http, failing_service):
    url = f"{failing_service}/records/fails?end=true"
    received = bytearray()
    with http.stream("GET", url) as response, suppress(httpx2.RemoteProtocolError):
        for chunk in response.iter_bytes():
            received += chunk
        pytest.fail("the body is complete")
    lines = received.splitlines()
    end = json.loads(lines[-1])["@end"]
    assert (end["status"], end["problem"]["status"]) == ("error", 500)
    readings = http.get(f"{failing_service}/records/readings", params={"limit": end["records"]})
    assert len(records(readings)) == end["records"] == len(lines) - 1


def test_an_error_before_the_first_record_is_a_status(http, failing_service):
    response = http.get(f"{failing_service}/records/down")
    assert (response.status_code, response.json()["detail"]) == (503, "The database is down.")
