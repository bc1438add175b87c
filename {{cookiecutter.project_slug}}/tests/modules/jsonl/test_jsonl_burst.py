import pytest

from tests.streaming.burst import burst, longest_wait

pytestmark = pytest.mark.alone

# All come from one address.
ENVIRONMENT = {"STREAMING_MAX_STREAMS_PER_ADDRESS": "2000"}


@pytest.mark.parametrize(
    ("path", "count", "coding"),
    [
        ("/records/readings", 300, "identity"),
        pytest.param("/records/readings", 1000, "identity", marks=pytest.mark.slow),
        pytest.param("/records/readings?format=csv", 600, "identity", marks=pytest.mark.slow),
        pytest.param("/records/readings", 300, "gzip", marks=pytest.mark.slow),
    ],
)
def test_a_burst_of_streams_does_not_keep_who_watches_the_service(serve_own, path, count, coding):
    with serve_own(**ENVIRONMENT) as server, burst(server.url, path, count, coding):
        waits = longest_wait(server.url, seconds=4)
    assert max(waits.values()) < 1, waits


@pytest.mark.slow
def test_nor_do_a_thousand_readers_that_leave_at_once(serve_own):
    with serve_own(**ENVIRONMENT) as server:
        with burst(server.url, "/records/readings", 1000):
            longest_wait(server.url, seconds=3)
        waits = longest_wait(server.url, seconds=1)
    assert max(waits.values()) < 1, waits
