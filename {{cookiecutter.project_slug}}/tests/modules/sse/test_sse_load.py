import pytest

from tests.loadtest.judging import judging

# Which budget finds a defect: it, and no other, is missed because of it.
BUDGETS = {
    "Withheld": "delivery",
    "Lost": "missing",
    "Blocked": "loop_delay",
    "Late": "first_byte",
    "Growing": "growth_per_100_readers",
    "Heavy": "memory_per_stream",
}


@pytest.mark.alone
@pytest.mark.slow
def test_each_defect_is_found_by_its_budget_and_by_no_other(serve):
    for defect, budget in BUDGETS.items():
        # A stream that is handed over to the server sends nothing through the app any more.
        with judging(serve, SSE_HAND_OVER="false") as judge:
            judge.expect("sse", defect, [budget])
