import json
import time
from collections.abc import Iterator
from typing import TypeVar

import httpx2
import pytest

T = TypeVar("T", bytes, str)


def until_aborted(parts: Iterator[T]) -> Iterator[T]:
    """Yield what comes until the server aborts the connection; fail if it does not."""
    try:
        yield from parts
    except httpx2.RemoteProtocolError:
        return
    pytest.fail("the stream has ended as if it were complete")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/refuses", 409), ("/fails-at-once", 500), ("/failing-batches?good=0", 500)],
)
def test_an_error_before_the_first_chunk_is_a_problem(http, url, path, status):
    response = http.get(url + path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in response.text


def test_a_later_error_aborts_the_connection(http, url):
    with http.stream("GET", f"{url}/fails-later") as response:
        assert response.status_code == 200
        assert b"".join(until_aborted(response.iter_bytes())) == b"a" * 1000


def test_a_failed_stream_of_records_says_so_in_its_last_line(http, url):
    with http.stream("GET", f"{url}/failing-batches?good=2") as response:
        *records, last = map(json.loads, until_aborted(response.iter_lines()))
    assert records == [{"id": 0}, {"id": 1}]
    assert last["@end"]["status"] == "error"
    assert last["@end"]["records"] == 2
    assert last["@end"]["problem"]["status"] == 500


@pytest.mark.parametrize("stream", ["waits", "never-waits", "never-waits-returned", "batches"])
def test_a_stream_is_closed_when_its_client_leaves(http, url, stream):
    for times in range(1, 11):  # what closes it must not be the garbage collector, by chance
        with http.stream("GET", f"{url}/{stream}") as response:
            next(response.iter_raw())
        deadline = time.monotonic() + 2
        while http.get(f"{url}/closed").json().count(stream) < times:
            assert time.monotonic() < deadline, "the generator still runs"
            time.sleep(0.01)


def test_a_proxy_is_told_not_to_buffer(http, url):
    with http.stream("GET", f"{url}/waits") as response:
        assert response.headers["x-accel-buffering"] == "no"
