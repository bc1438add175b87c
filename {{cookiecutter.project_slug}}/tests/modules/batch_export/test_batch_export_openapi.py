import time

import pytest

from tests.streaming.documented import undocumented
from tests.streaming.fixtures import START_SECONDS

TABLE, START = "/exports/readings", "/exports"
JOB, EVENTS = "/exports/jobs/{id}", "/exports/jobs/{id}/events"
SEGMENT = "/exports/jobs/{id}/segments/{number}"
EXPORTS = [("", 200), ("?format=parquet", 200), ("?format=nope", 422)]
OF_JOBS = [
    ("GET", JOB, "", {}, 200),
    ("GET", EVENTS, "/events", {}, 200),
    ("GET", SEGMENT, "/segments/1", {}, 200),
    ("GET", SEGMENT, "/segments/1", {"Range": "bytes=0-3"}, 206),
    ("GET", SEGMENT, "/segments/1", {"Range": "bytes=99999999-"}, 416),
    ("GET", SEGMENT, "/segments/9", {}, 404),
    ("GET", SEGMENT, "/segments/0", {}, 422),
    ("GET", JOB, "x", {}, 404),
    ("DELETE", JOB, "x", {}, 404),
    ("DELETE", JOB, "", {}, 204),
]


@pytest.fixture(scope="module")
def openapi(http, service):
    return http.get(f"{service}/openapi.json").json()


@pytest.mark.parametrize(("query", "status"), EXPORTS)
def test_openapi_has_each_answer(http, service, openapi, query, status):
    answer = http.get(service + TABLE + query)
    assert answer.status_code == status
    assert undocumented(openapi, TABLE, answer) == []


def test_openapi_has_each_answer_of_jobs(http, service, openapi):
    body = {"source": "readings", "format": "csv"}
    started = http.post(service + START, json=body, headers={"Prefer": "respond-async"})
    assert started.status_code == 202
    assert undocumented(openapi, START, started) == []
    job = service + started.headers["location"]
    deadline = time.monotonic() + START_SECONDS
    while http.get(job).json()["status"] != "complete" and time.monotonic() < deadline:
        time.sleep(0.1)
    for method, path, behind, headers, status in OF_JOBS:
        answer = http.request(method, job + behind, headers=headers)
        assert answer.status_code == status, (path, behind)
        assert undocumented(openapi, path, answer) == [], (path, behind)


@pytest.mark.parametrize(("body", "status"), [({"source": "nope"}, 404), ({"format": 1}, 422)])
def test_openapi_has_each_refusal(http, service, openapi, body, status):
    answer = http.post(service + START, json=body)
    assert answer.status_code == status
    assert undocumented(openapi, START, answer) == []
