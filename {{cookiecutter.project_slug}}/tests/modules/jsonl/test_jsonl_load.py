import pytest

from tests.loadtest.judging import judging

# Which budget finds a defect: it, and no other, is missed because of it.
BUDGETS = {"Cut": "cut", "Leak": "memory_per_1000_requests"}


@pytest.mark.alone
@pytest.mark.slow
def test_each_defect_is_found_by_its_budget_and_by_no_other(serve):
    with judging(serve) as judge:
        for defect, budget in BUDGETS.items():
            judge.expect("jsonl", defect, [budget])
