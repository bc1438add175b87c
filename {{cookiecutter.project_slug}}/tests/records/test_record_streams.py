import json
from collections.abc import Iterator

import pytest

from tests.streaming.aborted import until_aborted
from tests.streaming.closing import (
    SETTINGS,
    check_that_a_stalled_reader_is_dropped,
    check_that_it_is_closed,
)
from tests.streaming.fixtures import SOON_SECONDS, reading
from tests.streaming.stalled import read_slowly, stopped_reader

APP = "tests.records.records_app:app"
GRACE = {"STREAMING_SHUTDOWN_GRACE_SECONDS": "1"}


def slow(value: str) -> object:
    return pytest.param(value, marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=["uvicorn", slow("granian")])
def url(request: pytest.FixtureRequest, serve) -> Iterator[str]:
    with serve(APP, server=request.param, **SETTINGS) as server:
        yield server.url


def test_an_error_before_the_first_batch_is_a_problem(http, url):
    response = http.get(f"{url}/failing-batches?good=0")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in response.text


def test_a_failed_stream_of_records_says_so_in_its_last_line(http, url):
    with http.stream("GET", f"{url}/failing-batches?good=2") as response:
        *records, last = map(json.loads, until_aborted(response.iter_lines()))
    assert records == [{"id": 0}, {"id": 1}]
    assert last["@end"]["status"] == "error"
    assert last["@end"]["records"] == 2
    assert last["@end"]["problem"]["status"] == 500


@pytest.mark.parametrize("stream", ["batches", "models", "blocking-models"])
def test_a_source_is_closed_when_its_client_leaves(http, url, stream):
    check_that_it_is_closed(http, url, stream)


@pytest.mark.parametrize("stream", ["batches", slow("blocking-models")])
def test_a_reader_that_stalls_is_dropped(http, url, stream):
    check_that_a_stalled_reader_is_dropped(http, url, stream)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["ticking", "stuck"])
def test_after_the_grace_period_a_finite_stream_ends_with_the_reason(http, terminate, path):
    """Also where its source gives nothing more."""
    with terminate(APP, **GRACE) as (url, sigterm), reading(http, f"{url}/{path}") as response:
        lines = response.iter_lines()
        next(lines)
        sigterm()
        received = list(until_aborted(lines))
        end = json.loads(received[-1])["@end"]
        assert (end["status"], end["problem"]["status"]) == ("error", 503)


@pytest.mark.slow
def test_a_slow_reader_gets_the_last_words_too(serve):
    """Also when it has not read them yet as the process ends."""
    with (
        serve(APP, **GRACE) as server,
        stopped_reader(server.url, "/many?megabytes=1000", "1.0") as reader,
    ):
        received = read_slowly(reader, bytes_per_second=20_000, seconds=1)
        server.process.terminate()
        received += read_slowly(reader, bytes_per_second=20_000, seconds=2)
        server.process.wait(SOON_SECONDS)
        received += read_slowly(reader, bytes_per_second=200_000)
    *records, last = received.partition(b"\r\n\r\n")[2].splitlines()
    assert {len(record) for record in records} == {len(records[0])}
    end = json.loads(last)["@end"]
    assert (end["status"], end["records"]) == ("error", len(records))
    assert end["problem"]["type"] == "/problems/shutting-down"
