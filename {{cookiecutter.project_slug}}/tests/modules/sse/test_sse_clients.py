import shlex

import pytest

CLIENTS = ["python/sse.py", "javascript/sse.js", "curl/sse.sh"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_follows_the_events(service, follow, client):
    first, *rest = follow(client, service, 3)
    assert rest == [first + 1, first + 2]


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_resumes_a_stream_that_is_cut_off(follow, cut_off, client):
    first, *rest = follow(client, cut_off(1, after=500), 8)
    assert rest == list(range(first + 1, first + 8))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_is_refused_says_why(run_client, service, client):
    result = run_client(client, f"{service}/events/a,b")
    assert result.returncode != 0
    assert "path.topic" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("client", ["python/sse.py", "javascript/sse.js"])
def test_a_client_ends_quietly_when_its_reader_does(run, client_command, service, client):
    command = shlex.join(client_command(client, f"{service}/events/readings"))
    result = run("sh", "-c", f"{command} | head -n 1")
    assert result.stdout.count("\n") == 1
    assert result.stderr == ""


@pytest.mark.slow
def test_the_javascript_client_follows_the_events_in_a_browser(in_browser):
    script = """
        const ids = [];
        for await (const event of client.readEvents(`${service}/events/readings`)) {
          ids.push(JSON.parse(event.data).id);
          if (ids.length === 2) return ids;
        }
    """
    first, second = in_browser("sse.js", script)
    assert second == first + 1


@pytest.mark.slow
def test_the_load_test_runs_without_a_failure(run_load_test):
    assert "/events (delivery)" in run_load_test("sse.py")
