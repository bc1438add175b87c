import pytest

from tests.streaming.stalled import MIB, memory_of_each

READERS = 200


@pytest.mark.slow
def test_a_reader_that_has_stopped_costs_at_most_a_mebibyte(http, serve):
    with serve(DEMO_ROWS="500000", STREAMING_MIN_BYTES_PER_SECOND="1") as server:
        grown = memory_of_each(http, server, "/exports/readings?format=csv", READERS)
    assert grown < MIB, f"{grown / 1024:.0f} KiB"
