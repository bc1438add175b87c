from functools import partial

import pytest

from tests.streaming.stalled import MIB, memory_of_each


@pytest.mark.slow
def test_a_reader_that_has_stopped_costs_at_most_a_mebibyte(http, serve_own):
    grown = memory_of_each(http, partial(serve_own, rows=500_000), "/records/readings")
    assert grown < MIB, f"{grown / 1024:.0f} KiB"
