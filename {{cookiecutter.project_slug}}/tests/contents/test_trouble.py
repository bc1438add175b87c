"""What is wrong before the first byte has a status; what is wrong later ends the connection."""

from collections.abc import Iterator
from typing import Any

import pytest

from .raw import ask
from tests.streaming.waiting import wait_until

APP = "tests.contents.troubled_app:app"
MULTIPART = "Range: bytes=0-9,1000000-1000009"


@pytest.fixture(scope="module", params=["ours", pytest.param("granian", marks=pytest.mark.slow)])
def server(serve: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    with serve(APP, server=request.param) as server:
        yield server


@pytest.mark.parametrize("lines", [(), ("Range: bytes=10-",), (MULTIPART,)])
@pytest.mark.parametrize(("error", "status"), [("changed", 503), ("store", 503), ("bug", 500)])
def test_before_the_first_byte_it_is_a_problem(server, error, status, lines):
    answer = ask(server.url, f"/{error}/0", *lines)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["ETag"] is answer.headers["Content-Range"] is None
    assert answer.headers["Retry-After"] == ("1" if error == "changed" else None)
    assert ask(server.url, f"/{error}/0", method="HEAD").status == 200  # it reads nothing


@pytest.mark.parametrize("good_chunks", [1, 50])
@pytest.mark.parametrize("error", ["changed", "store"])
def test_later_it_is_a_shorter_body_and_a_line_in_the_log(server, error, good_chunks):
    before = len(server.log)
    answer = ask(server.url, f"/{error}/{good_chunks}")
    assert answer.status == 200
    assert len(answer.body) < int(answer.headers["Content-Length"])
    if "granian" not in server.process.args:  # it takes every error for one of the app
        wait_until(lambda: f"'/{error}/{good_chunks}' ends too early" in server.log[before:])
        assert "Traceback" not in server.log[before:]
