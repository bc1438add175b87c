"""Jobs of two processes that share their state; each request may meet either of them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from tests.modules.batch_export.jobs import Jobs, wait_until
from tests.modules.batch_export.test_batch_export import (
    read_arrow,
    read_csv,
    read_json_lines,
    read_parquet,
)
from tests.records.readings import make_readings

APP = "tests.modules.batch_export.jobs_service:app"
ROWS = 60_000
SETTINGS = {
    "BATCH_EXPORT_SEGMENT_BYTES": "1000000",
    "BATCH_EXPORT_MAX_JOBS_PER_ADDRESS": "1000",
    "DEMO_ROWS": "1000",
}
READERS = {
    "csv": read_csv,
    "jsonl": read_json_lines,
    "parquet": read_parquet,
    "arrow": read_arrow,
}


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs") / "a folder"


@pytest.fixture(scope="module")
def served(serve, tmp_path_factory: pytest.TempPathFactory, storage: Path) -> Iterator[str]:
    url = make_readings(tmp_path_factory.mktemp("readings") / "readings.duckdb")
    settings = {**SETTINGS, "DATABASE_URL": url, "BATCH_EXPORT_STORAGE_URL": storage.as_uri()}
    with serve(APP, "--workers", "2", **settings) as server:
        yield server.url


@pytest.fixture
def jobs(http, served) -> Jobs:
    return Jobs(http, served)


@pytest.mark.parametrize("format", READERS)
def test_a_job_makes_the_whole_table_in_segments_that_are_whole_files(jobs, format):
    job = jobs.wait(jobs.start("readings", format=format))
    assert len(job["segments"]) > 1
    ids: list[int] = []
    for segment in job["segments"]:
        found = READERS[format](jobs.fetch(segment))
        assert len(found) == segment["rows"]
        ids += found
    assert sorted(ids) == list(range(1, ROWS + 1))
    size = sum(segment["bytes"] for segment in job["segments"])
    assert job["progress"] == {"rows": ROWS, "bytes": size, "percent": 100.0, "seconds_left": 0.0}


def test_what_jobs_keep_is_nothing_to_commit(jobs, storage):
    jobs.wait(jobs.start("readings", format="csv"))
    assert (storage / ".gitignore").read_text(encoding="utf-8") == "*\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"site": "Lyon"}, {id for id in range(1, ROWS + 1) if id % 5 == 2}),
        ({"id_from": 10, "id_before": 20}, set(range(10, 20))),
        ({"id": ["7"]}, {7}),
        ({"id_before": 1}, set()),
        ({"note": None, "id": 3}, {3}),
    ],
)
def test_a_job_has_the_parameters_of_the_direct_export(jobs, body, expected):
    job = jobs.wait(jobs.start("readings", columns=["value", "id"], **body))
    [segment] = job["segments"] if len(expected) < 1000 else [*job["segments"], None][:1]
    text = jobs.fetch(segment)
    assert text.startswith(b"value,id\n")
    assert set(read_csv(text)) <= expected
    assert job["progress"]["rows"] == len(expected)


@pytest.mark.parametrize(
    ("body", "status", "location"),
    [
        ({"source": "readings", "format": "xml"}, 422, "body.format"),
        ({"source": "readings", "compression": "rar"}, 422, "body.compression"),
        ({"source": "readings", "columns": ["id", "nope"]}, 422, "body.columns"),
        ({"source": "readings", "colums": "id"}, 422, "body.colums"),
        ({"source": "readings", "id": "x"}, 422, "body.id"),
        ({"source": "readings", "id": [1, 2]}, 422, "body.id"),
        ({"source": "readings", "id": {"from": 1}}, 422, "body.id"),
        ({"source": "slow", "id": 1}, 422, "body.id"),
        ({"format": "csv"}, 422, "body.source"),
        ({"source": 1}, 422, "body.source"),
        ([], 422, "body"),
        ({"source": "nope"}, 404, None),
    ],
)
def test_what_cannot_be_asked_is_named(http, jobs, body, status, location):
    response = http.post(f"{jobs.url}/exports", json=body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    if location:
        assert response.json()["errors"][0]["location"].startswith(location)


def test_a_job_is_accepted_as_rfc_7240_has_it(jobs):
    response = jobs.post("readings", headers={"Prefer": "respond-async, wait=10"})
    assert response.status_code == 202
    assert response.headers["preference-applied"] == "respond-async"
    assert response.headers["retry-after"] == "1"
    assert response.headers["location"] == f"/exports/jobs/{response.json()['id']}"
    assert response.json()["status"] == "accepted"
    assert "preference-applied" not in jobs.post("readings").headers


def test_the_same_key_gives_the_same_job(jobs):
    key = {"Idempotency-Key": "a key"}
    first, again = (jobs.post("readings", headers=key, site="Lyon") for _ in range(2))
    assert again.status_code == 202
    assert again.headers["location"] == first.headers["location"]
    other = jobs.post("readings", headers=key, site="Kraków")
    assert other.status_code == 422
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert jobs.start("readings", site="Lyon") != first.headers["location"]


@pytest.mark.parametrize(
    ("headers", "status", "span"),
    [
        ({}, 200, (0, None)),
        ({"Accept-Encoding": "gzip, zstd"}, 200, (0, None)),
        ({"Range": "bytes=1000-"}, 206, (1000, None)),
        ({"Range": "bytes=5-9"}, 206, (5, 10)),
        ({"Range": "bytes=-7"}, 206, (-7, None)),
        ({"Range": "bytes=200000-900000"}, 206, (200_000, 900_001)),
        ({"Range": "bytes=5-9", "If-Range": "ETAG"}, 206, (5, 10)),
        ({"Range": "bytes=5-9", "If-Range": '"another"'}, 200, (0, None)),
        ({"Range": "bytes=999999999-"}, 416, None),
        ({"If-None-Match": "ETAG"}, 304, (0, 0)),
        ({"If-None-Match": '"another"'}, 200, (0, None)),
        ({"If-Match": "ETAG"}, 200, (0, None)),
        ({"If-Match": '"another"'}, 412, None),
    ],
)
def test_a_segment_resumes_by_ranges(http, jobs, whole, headers, status, span):
    segment, content = whole
    etag = f'"{segment["sha256"]}"'
    headers = {name: value.replace("ETAG", etag) for name, value in headers.items()}
    response = http.get(jobs.url + segment["url"], headers=headers)
    assert response.status_code == status
    if span:
        assert response.content == content[slice(*span)]
        assert response.headers["etag"] == etag
        assert ("repr-digest" in response.headers) == (status != 304)
        assert "content-encoding" not in response.headers


@pytest.fixture(scope="module")
def whole(http, served):
    jobs = Jobs(http, served)
    [segment, *_] = jobs.wait(jobs.start("readings"))["segments"]
    return segment, jobs.fetch(segment)


def test_several_ranges_come_as_parts(http, jobs, whole):
    segment, content = whole
    response = http.get(jobs.url + segment["url"], headers={"Range": "bytes=0-9,100000-100019"})
    assert response.status_code == 206
    assert response.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert len(response.content) == int(response.headers["content-length"])
    for part in (content[:10], content[100_000:100_020]):
        assert b"\r\n\r\n" + part + b"\r\n" in response.content


def test_a_segment_has_a_head(http, jobs, whole):
    segment, content = whole
    response = http.head(jobs.url + segment["url"])
    assert response.status_code == 200
    assert response.headers["content-length"] == str(len(content))
    assert response.headers["content-disposition"] == 'attachment; filename="readings-1.csv"'


def test_progress_comes_as_events_up_to_the_end(http, jobs):
    path = jobs.start("slow", format="jsonl")
    events = http.get(f"{jobs.url}{path}/events")
    assert events.headers["content-type"].startswith("text/event-stream")
    names = re.findall(r"^event: (.+)$", events.text, re.MULTILINE)
    told = [json.loads(data) for data in re.findall(r"^data: (.+)$", events.text, re.MULTILINE)]
    assert names == [status["status"] for status in told]
    assert names[-1] == "complete"
    assert names.count("complete") == 1
    rows = [status["progress"]["rows"] for status in told]
    assert rows == sorted(rows)
    assert len(set(rows)) >= 3
    assert [status["segments"] for status in told[:-1]] == [[]] * (len(told) - 1)
    assert told[-1] == jobs.read(path)
    assert http.get(f"{jobs.url}/exports/jobs/nope/events").status_code == 404


def test_expiry_is_a_time_once_the_job_is_over(jobs, whole):
    segment, _ = whole
    expires = datetime.fromisoformat(segment["expires"])
    left = expires - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("source", ["fails", "dies"])
def test_a_source_that_fails_leaves_a_problem_and_no_file(jobs, storage, source, format):
    path = jobs.start(source, format=format)
    job = jobs.wait(path, "failed")
    assert job["problem"]["status"] == 500
    assert job["segments"] == []
    wait_until(lambda: not (storage / job["id"]).exists())
    assert jobs.http.get(f"{jobs.url}{path}/segments/1").status_code == 404


def test_a_job_that_is_cancelled_leaves_no_file(jobs, storage):
    path = jobs.start("slow")
    wait_until(lambda: jobs.read(path)["status"] == "running")
    assert jobs.http.delete(jobs.url + path).status_code == 204
    job = jobs.read(path)
    assert (job["status"], job["segments"]) == ("cancelled", [])
    wait_until(lambda: not (storage / job["id"]).exists())  # whoever was at work sees it
    assert jobs.read(path)["status"] == "cancelled"
    assert jobs.http.delete(jobs.url + path).status_code == 204


def test_a_complete_job_is_removed(jobs, storage):
    path = jobs.start("readings")
    job = jobs.wait(path)
    assert jobs.http.delete(jobs.url + path).status_code == 204
    assert jobs.read(path)["segments"] == []
    assert jobs.http.get(jobs.url + job["segments"][0]["url"]).status_code == 404
    assert not (storage / job["id"]).exists()


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_an_unknown_job_gets_404(http, jobs, method):
    assert http.request(method, f"{jobs.url}/exports/jobs/nope").status_code == 404


def test_openapi_describes_jobs(http, jobs):
    document = http.get(f"{jobs.url}/openapi.json").json()
    validate(document)
    paths = document["paths"]
    post = paths["/exports"]["post"]
    assert {"Location", "Retry-After"} <= post["responses"]["202"]["headers"].keys()
    body = document["components"]["schemas"]["ExportRequest"]
    assert {"source", "format", "columns"} <= body["properties"].keys()
    assert body["required"] == ["source"]
    assert {"prefer", "idempotency-key"} == {each["name"] for each in post["parameters"]}
    assert paths["/exports/jobs/{id}"].keys() == {"get", "delete"}
    assert "206" in paths["/exports/jobs/{id}/segments/{number}"]["get"]["responses"]
    status = document["components"]["schemas"]["JobStatus"]["properties"]
    assert {"status", "progress", "segments", "problem"} <= status.keys()
