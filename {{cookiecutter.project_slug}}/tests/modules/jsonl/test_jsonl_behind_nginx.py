import json
from collections.abc import Iterator

import pytest

from tests.nginx import H11

CLIENTS = ["python/jsonl.py", "javascript/jsonl.js", "curl/jsonl.sh"]
AT_ONCE = 0.5


@pytest.fixture(scope="module")
def failing_service(serve) -> Iterator[str]:
    app = "tests.modules.jsonl.failing_service:app"
    with serve(app, *H11, DEMO_ROWS="3000", JSONL_BATCH_ROWS="1000") as server:
        yield server.url


@pytest.mark.slow
def test_every_record_arrives(http, run_clients, service, behind_nginx):
    path = "/records/readings?limit=5000"
    expected = http.get(service + path, headers={"Accept": "application/json"}).json()
    for result in run_clients(*[(client, behind_nginx(service) + path) for client in CLIENTS]):
        assert result.returncode == 0, result.stderr
        assert [json.loads(line) for line in result.stdout.split("\n")[:-1]] == expected


@pytest.mark.slow
def test_a_client_notices_a_stream_that_dies(run_clients, failing_service, behind_nginx):
    url = f"{behind_nginx(failing_service)}/records/dies"
    python, javascript, curl = run_clients(*[(client, url) for client in CLIENTS])
    for result in (python, javascript):
        assert result.returncode == 0, result.stderr
        ids = [json.loads(line)["id"] for line in result.stdout.split("\n")[:-1]]
        assert ids == list(range(1, 3001))
    assert curl.returncode != 0
    assert "not complete" in curl.stderr


@pytest.mark.slow
def test_a_client_reports_a_source_that_fails_again_and_again(
    run_clients, failing_service, behind_nginx
):
    url = f"{behind_nginx(failing_service)}/records/fails"
    few = ["--attempts", "2"]
    python, javascript, curl = CLIENTS
    for result in run_clients([python, *few, url], [javascript, *few, url], [curl, url]):
        assert result.returncode != 0
        assert "The service failed" in result.stderr
        assert "Traceback" not in result.stderr


def test_the_first_record_arrives_at_once(http, failing_service, behind_nginx):
    url = f"{behind_nginx(failing_service)}/records/waits"
    with http.stream("GET", url, timeout=AT_ONCE) as response:
        first_line = next(response.iter_lines())
    assert json.loads(first_line)["id"] == 1
