import json

import pytest

CLIENTS = ["python/jsonl.py", "javascript/jsonl.js", "curl/jsonl.sh"]


@pytest.fixture
def url(service: str) -> str:
    return f"{service}/records/readings"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reads_every_record(http, run_client, url, client):
    url += "?limit=12000"  # more than one batch
    result = run_client(client, url)
    assert result.returncode == 0, result.stderr
    expected = http.get(url, headers={"Accept": "application/json"}).json()
    assert [json.loads(line) for line in result.stdout.splitlines()] == expected


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_says_why_it_was_refused(run_client, url, client):
    result = run_client(client, f"{url}?limit=0")
    assert result.returncode != 0
    assert "query.limit" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_the_javascript_client_reads_every_record_in_a_browser(in_browser):
    script = """
        let ids = 0;
        for await (const record of client.readRecords(`${service}/records/readings`)) ids += record.id;
        return ids;
    """
    assert in_browser("jsonl.js", script) == sum(range(1, 60_001))


@pytest.mark.slow
def test_the_load_test_runs_without_a_failure(run_load_test):
    assert "/records" in run_load_test("jsonl.py")
