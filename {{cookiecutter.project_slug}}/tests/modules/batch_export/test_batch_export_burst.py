import pytest

from tests.streaming.burst import burst, longest_wait

pytestmark = pytest.mark.alone

# All come from one address.
ENVIRONMENT = {"STREAMING_MAX_STREAMS_PER_ADDRESS": "2000"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_a_burst_of_exports_does_not_keep_who_watches_the_service(serve_own, name):
    path = f"/exports/readings?format={name}"
    with serve_own(**ENVIRONMENT) as server, burst(server.url, path, 500):
        waits = longest_wait(server.url, seconds=6)
    assert max(waits.values()) < 1, waits
