from functools import partial

import pytest

from tests.streaming.stalled import MIB, memory_of_each

# What is measured are megabytes for each, which fewer of them show as well.
READERS = 50


@pytest.mark.slow
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_reader_that_has_stopped_costs_at_most_four_mebibytes(http, serve_own, format):
    grown = memory_of_each(
        http, partial(serve_own, rows=500_000), f"/exports/readings?format={format}", READERS
    )
    assert grown < 4 * MIB, f"{grown / 1024:.0f} KiB"
