from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

CLIENTS = ["python/sse.py", "javascript/sse.js", "curl/sse.sh"]
AT_ONCE = 0.5


@pytest.fixture(scope="module")
def failing_service(serve) -> Iterator[str]:
    with serve("tests.modules.sse.failing_service:app", DEMO_PERIOD_SECONDS="0.2") as server:
        yield server.url


@pytest.fixture
def follow_behind_nginx(follow, start_nginx) -> Callable[[str, int], list[list[int]]]:
    """What `follow` gives, for every client and every nginx at once."""

    def read_ids(upstream: str, count: int) -> list[list[int]]:
        pairs = list(product(CLIENTS, start_nginx(upstream).values()))
        with ThreadPoolExecutor(len(pairs)) as threads:
            return list(threads.map(lambda pair: follow(*pair, count), pairs))

    return read_ids


@pytest.mark.slow
def test_every_event_arrives(follow_behind_nginx, service):
    for first, *rest in follow_behind_nginx(service, 4):
        assert rest == [first + 1, first + 2, first + 3]


@pytest.mark.slow
def test_a_client_resumes_a_stream_that_breaks_off(follow_behind_nginx, failing_service):
    for first, *rest in follow_behind_nginx(failing_service, 8):
        assert rest == list(range(first + 1, first + 8))


def test_an_event_arrives_at_once(http, service, behind_nginx):
    url = f"{behind_nginx(service)}/events/house"
    first, _ = (http.post(url, json=value).json()["id"] for value in ("first", "second"))
    options = {"headers": {"Last-Event-ID": first}, "timeout": AT_ONCE}
    with http.stream("GET", url, **options) as response:
        values = (line for line in response.iter_lines() if line.startswith("data:"))
        assert next(values) == 'data: "second"'
        http.post(url, json="third")
        assert next(values) == 'data: "third"'
