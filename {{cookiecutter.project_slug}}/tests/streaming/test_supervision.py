import time

import pytest

from tests.streaming.test_metrics import sample
from tests.streaming.test_problems import check_problem

FAILING = 'streaming_tasks_failing{task="pump"}'
FAILURES = 'streaming_task_failures_total{task="pump"}'


@pytest.mark.slow
def test_a_task_that_fails_is_started_again_and_shows_until_it_runs(http, serve):
    with serve("tests.streaming.background_app:app") as server:
        assert http.get(f"{server.url}/readyz").status_code == 200
        http.post(f"{server.url}/break")
        time.sleep(2.5)  # it fails at once, and again after one second
        problem = check_problem(http.get(f"{server.url}/readyz"), 503)
        assert problem["type"] == "/problems/not-ready"
        assert "pump" in problem["detail"]
        assert sample(http, server.url, FAILING) == 1
        assert sample(http, server.url, FAILURES) == http.get(f"{server.url}/runs").json() == 2
        http.post(f"{server.url}/mend")
        time.sleep(4.5)  # two seconds until it is started, and two until it is trusted
        assert http.get(f"{server.url}/readyz").status_code == 200
        assert sample(http, server.url, FAILING) == 0
        assert server.log.count("RuntimeError: the pump is dry") == 2
