import json
from select import select

import pytest

CLIENTS = ["python/jsonl.py", "javascript/jsonl.js", "curl/jsonl.sh"]
AT_ONCE = 0.5


def commands(path: str) -> list[list[str]]:
    return [[client, path] for client in CLIENTS]


@pytest.mark.slow
def test_every_record_arrives(http, run_behind_nginx, service):
    path = "/records/readings?limit=5000"
    expected = http.get(service + path, headers={"Accept": "application/json"}).json()
    for run in run_behind_nginx(service, *commands(path)):
        assert run.result.returncode == 0, run
        assert [json.loads(line) for line in run.result.stdout.split("\n")[:-1]] == expected, run


@pytest.mark.slow
def test_a_client_resumes_a_stream_that_dies(run_behind_nginx, failing_service):
    for run in run_behind_nginx(failing_service, *commands("/records/dies?limit=3000")):
        assert run.result.returncode == 0, run
        ids = [json.loads(line)["id"] for line in run.result.stdout.split("\n")[:-1]]
        assert ids == list(range(1, 3001)), run


@pytest.mark.slow
def test_a_client_reports_a_source_that_fails_again_and_again(run_behind_nginx, failing_service):
    for run in run_behind_nginx(failing_service, *commands("/records/fails"), attempts=2):
        assert run.result.returncode != 0, run
        # A stream of fetch that fails forgets what it has not handed over, as the last words.
        is_fetch = run.command[0].startswith("javascript")
        assert "The service failed" in run.result.stderr or is_fetch, run
        assert run.result.stderr, run
        assert "Traceback" not in run.result.stderr, run


def test_the_first_record_arrives_at_once(http, failing_service, behind_nginx):
    url = f"{behind_nginx(failing_service)}/records/waits"
    with http.stream("GET", url, timeout=AT_ONCE) as response:
        first_line = next(response.iter_lines())
    assert json.loads(first_line)["id"] == 1


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_prints_a_record_while_the_next_is_awaited(
    start_client, failing_service, start_nginx, client
):
    nginx_url = start_nginx(failing_service)["HTTP/1.0, buffering on"]
    with start_client(client, f"{nginx_url}/records/waits?limit=1") as output:
        printed, _, _ = select([output], [], [], 10)
    assert printed
