import json
import shlex
from datetime import UTC, datetime

import pytest

from tests.streaming.fixtures import PROJECT

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
    assert [json.loads(line) for line in result.stdout.split("\n")[:-1]] == expected


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_takes_a_url_as_it_is(run_client, url, client):
    result = run_client(client, url + "?format=csv&limit=1&sensor={sensor-017,sensor-034}#part")
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    result = run_client(client, f"{url}?format=csv&limit=1&sensor=sensor-017#part")
    assert (result.returncode, result.stdout.count("\n")) == (0, 1), result.stderr


def test_the_javascript_client_can_have_another_name(require, run, url, tmp_path):
    link = tmp_path / "another #name.js"
    link.symlink_to(PROJECT / "clients" / "javascript" / "jsonl.js")
    result = run(require("node"), link, f"{url}?limit=1")
    assert (result.returncode, result.stdout.count("\n")) == (0, 1), result.stderr


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_says_why_it_was_refused(run_client, url, client):
    result = run_client(client, f"{url}?limit=0")
    assert result.returncode != 0
    assert "query.limit" in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("client", ["python/jsonl.py", "javascript/jsonl.js"])
def test_a_client_ends_quietly_when_its_reader_does(run, client_command, url, client):
    result = run("sh", "-c", f"{shlex.join(client_command(client, url))} | head -n 1")
    assert result.stdout.count("\n") == 1
    assert result.stderr == ""


def test_the_python_client_says_that_it_tries_again(run_client):
    result = run_client("python/jsonl.py", "http://127.0.0.1:1/records", "--attempts", "2")
    assert result.returncode == 1
    again, error = result.stderr.splitlines()
    assert again.startswith("Again in")
    assert again.endswith(error)


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_is_killed_prints_the_truth_or_fails(http, kill, url, client):
    truth = http.get(f"{url}?limit=3000", headers={"Accept": "application/json"}).json()

    def records(killed):
        is_whole = killed.result.returncode == 0
        lines = killed.result.stdout.split("\n")[:-1]
        return [json.loads(line) for line in lines] if is_whole else None

    kill(truth, records, client, "/records/readings?limit=3000")


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_follows_through_breaks(run_client, cut_off, client):
    url = cut_off(2, after=500) + "/records/live?follow=true&limit=12"
    url += f"&recorded_at_from={datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    result = run_client(client, url)
    assert result.returncode == 0, result.stderr
    ids = [json.loads(line)["id"] for line in result.stdout.split("\n")[:-1]]
    assert ids == list(range(ids[0], ids[0] + 12))


@pytest.mark.slow
def test_a_page_whose_connection_is_killed_reads_every_record(kill_in_browser):
    script = """
        const ids = [];
        for await (const record of client.readRecords("/records/readings?limit=3000", limits)) ids.push(record.id);
        return ids;
    """
    for ids in kill_in_browser("jsonl.js", script):
        assert ids == list(range(1, 3001))


@pytest.mark.slow
def test_clients_wait_as_long_as_the_server_asks(put_off):
    put_off(*((client, "/records/readings?limit=10") for client in CLIENTS))


def test_the_javascript_client_keeps_integers_exact(run_client, chunk_server):
    record = (
        '{"a":9007199254740993,"b":-18446744073709551615,"c":[{"d":9007199254740992}],'
        '"e":"9007199254740993 \\"9007199254740993\\"","f":1,"g":9007199254740993.5}'
    )
    end = json.dumps({"@end": {"status": "complete", "records": 1}})
    chunk_server.chunks = [f"{record}\n{end}\n".encode()]
    result = run_client("javascript/jsonl.js", chunk_server.url)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == json.loads(record)
