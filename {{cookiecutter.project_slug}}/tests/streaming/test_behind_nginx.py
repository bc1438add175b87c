import time
from collections.abc import Iterator

import httpx2
import pytest

AT_ONCE = 0.5

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(serve) -> Iterator[str]:
    with serve("tests.streaming.failing_app:app") as server:
        yield server.url


@pytest.fixture
def nginx_url(behind_nginx, url) -> str:
    return behind_nginx(url)


def first_chunk(http: httpx2.Client, url: str) -> bytes:
    with http.stream("GET", url, timeout=AT_ONCE) as response:
        return next(response.iter_raw())


def test_nginx_passes_a_stream_on_at_once(http, nginx_url):
    assert first_chunk(http, f"{nginx_url}/waits") == b"first"


def test_it_is_a_header_that_tells_nginx_not_to_withhold(http, url, start_nginx):
    # Over HTTP/1.1 nginx passes on each chunk as it comes, with the header and without.
    nginx_url = start_nginx(url)["HTTP/1.0, buffering on"]
    path = "/waits-with-any-header?name=X-Accel-Buffering&value="
    assert first_chunk(http, f"{nginx_url}{path}no") == b"first"
    assert first_chunk(http, f"{url}{path}yes") == b"first"
    with pytest.raises(httpx2.ReadTimeout):
        first_chunk(http, f"{nginx_url}{path}yes")


def test_a_stream_is_closed_when_the_client_of_nginx_leaves(http, nginx_url, url):
    closed_before = http.get(f"{url}/closed").json().count("waits")
    assert first_chunk(http, f"{nginx_url}/waits") == b"first"
    deadline = time.monotonic() + 2
    while http.get(f"{url}/closed").json().count("waits") == closed_before:
        assert time.monotonic() < deadline
