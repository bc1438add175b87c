"""Whether a server has closed the generators of its streams; its app is `failing_app` or has it."""

import time

import httpx2

from .stalled import stopped_reader

STALL_SECONDS = 0.5
# Who takes no 64 KiB in half a second is too slow.
SETTINGS = {"STREAMING_MIN_BYTES_PER_SECOND": str(round(64 * 1024 / STALL_SECONDS))}


def closed(http: httpx2.Client, url: str, stream: str) -> int:
    """How often the generator of a stream has been closed."""
    return http.get(f"{url}/closed").json().count(stream)


def wait_until_closed(
    http: httpx2.Client, url: str, stream: str, times: int, seconds: float = 2
) -> None:
    deadline = time.monotonic() + seconds
    while closed(http, url, stream) < times:
        assert time.monotonic() < deadline, "the generator still runs"
        time.sleep(0.01)


def check_that_it_is_closed(
    http: httpx2.Client, url: str, stream: str, coding: str = "identity"
) -> None:
    """Ask for a stream, leave it, and see that its generator is closed; five times."""
    before = closed(http, url, stream)
    headers = {"Accept-Encoding": coding}
    for times in range(1, 6):  # what closes it must not be the garbage collector, by chance
        with http.stream("GET", f"{url}/{stream}", headers=headers) as response:
            assert response.headers.get("content-encoding", "identity") == coding
            next(response.iter_raw())
        wait_until_closed(http, url, stream, before + times)


def check_that_a_stalled_reader_is_dropped(http: httpx2.Client, url: str, stream: str) -> None:
    before = closed(http, url, stream)
    with stopped_reader(url, f"/{stream}"):
        wait_until_closed(http, url, stream, before + 1, seconds=10)
    ends = http.get(f"{url}/metrics").text
    assert 'streaming_streams_total{end="too_slow",module="other"}' in ends
