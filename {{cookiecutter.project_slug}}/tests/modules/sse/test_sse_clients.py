import json
import shlex
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise, starmap
from operator import ge
from typing import NamedTuple
from uuid import uuid4

import pytest

from loadtest.proxy import proxy_in_thread
from tests.modules.sse.scripted import Answer, Request, scripted
from tests.streaming.fixtures import free_port
from tests.streaming.killing import FAULTS, Fault

CLIENTS = ["python/sse.py", "javascript/sse.js", "curl/sse.sh"]
# What it leaves out, this service does not send.
WITH_SIMPLE = [*CLIENTS, "python/sse/asynchronous.py"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_follows_the_events(service, follow, client):
    first, *rest = follow(client, service, 3)
    assert rest == [first + 1, first + 2]


class Topic(NamedTuple):
    path: str
    events: list[str]


@pytest.fixture(scope="module")
def topic(http, service) -> Topic:
    """A topic with some events, which will have no other."""
    topic = Topic(f"/events/{uuid4().hex}", [f"{number:03}{'東' * 30}" for number in range(200)])
    for event in topic.events:
        http.post(service + topic.path, json=event).raise_for_status()
    return topic


@pytest.mark.slow
@pytest.mark.parametrize("client", WITH_SIMPLE)
def test_a_client_whose_connection_is_killed_prints_each_event_once(
    service, topic, start_client, client
):
    def follow_through(fault: Fault) -> list[str]:
        with proxy_in_thread(service, fault.toxics) as hop:
            url, limits = f"{hop.url}{topic.path}?from=beginning", {"stall_seconds": 1}
            with start_client(client, url, limits=limits) as output:
                return list(islice(data(output), len(topic.events)))

    faults = [fault for fault in FAULTS.values() if fault.is_survived and not fault.is_behind_nginx]
    with ThreadPoolExecutor(len(faults)) as threads:
        for received in threads.map(follow_through, faults):
            assert [json.loads(each) for each in received] == topic.events


@pytest.mark.parametrize("topic", ["a,b", "[a-b]"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_is_refused_says_why(run_client, service, client, topic):
    result = run_client(client, f"{service}/events/{topic}")
    assert result.returncode != 0
    assert "path.topic" in result.stderr
    assert "Traceback" not in result.stderr


class Turn(NamedTuple):
    """What a client is expected to ask next, and what it is told."""

    last_event_id: str | None
    answer: Answer
    pause: float = 0  # the least seconds since the last request


TROUBLE = [
    Turn(None, Answer(b"retry: 100\n\n")),
    Turn(None, Answer(status=500), 0.1),
    Turn(None, Answer(status=502), 0.2),
    Turn(None, Answer(status=503, retry_after="1"), 0.4),
    Turn(None, Answer(status=429, retry_after="2"), 1),
    Turn(None, Answer(b"retry: 10\n: nothing yet\n\n"), 2),
    Turn(None, Answer(b"id: 1\ndata: one\n\nid: 2\ndata: half of an ev")),
    Turn("1", Answer(b"id: 2\n\n")),  # an id counts without an event
    Turn("2", Answer(b"data: still-2\n\n")),
    Turn("2", Answer(b"id:3\r\ndata:no-space\r\n\r\n")),
    Turn("3", Answer(b"event: ends\nid: 4\ndata: silence\n\n", stalls=True)),
    Turn("4", Answer(b"id: 5\ndata: forgets\n\nid\ndata: its-place\n\n"), 1),
    Turn(None, Answer(b"id: 6\ndata: again\n\n")),
    Turn("6", Answer(b"id:\n\n")),
    Turn(None, Answer(b"data: last\n\n", stalls=True)),
]


@pytest.mark.slow
def test_clients_come_through_whatever_happens(start_client):
    def run(client: str) -> tuple[list[str], list[Request]]:
        port = free_port()
        url, limits = f"http://127.0.0.1:{port}", {"stall_seconds": 1}
        with start_client(client, url, limits=limits) as output:
            time.sleep(0.5)  # its first attempt finds nobody
            with scripted([turn.answer for turn in TROUBLE], port) as server:
                return list(islice(data(output), 8)), server.requests

    with ThreadPoolExecutor(len(CLIENTS)) as threads:
        for received, requests in threads.map(run, CLIENTS):
            assert received == [
                *("one", "still-2", "no-space", "silence"),
                *("forgets", "its-place", "again", "last"),
            ]
            expected_ids = [turn.last_event_id for turn in TROUBLE]
            assert [request.last_event_id for request in requests] == expected_ids
            pauses = [later.time - earlier.time for earlier, later in pairwise(requests)]
            assert all(starmap(ge, zip(pauses, [turn.pause for turn in TROUBLE[1:]], strict=True)))


def data(output: Iterable[str]) -> Iterator[str]:
    """The last word of what a client prints for each event: curl's is as it is on the wire."""
    for line in output:
        if line.startswith("data:") or " message " in line or " ends " in line:
            yield line.split()[-1].removeprefix("data:")


@pytest.mark.parametrize("client", WITH_SIMPLE)
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b"<p>Welcome", content_type="text/html"), ""),
        (Answer(b"no such thing", status=404), "no such thing"),
    ],
    ids=["a web page", "404"],
)
def test_a_client_gives_up_where_there_is_no_event_stream(run_client, client, answer, reason):
    with scripted([answer]) as server:
        result = run_client(client, server.url)
    assert (result.returncode, result.stdout, len(server.requests)) == (1, "", 1)
    assert reason in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("client", [each for each in WITH_SIMPLE if "curl" not in each])
def test_a_client_ends_quietly_when_its_reader_does(run, client_command, service, client):
    command = shlex.join(client_command(client, f"{service}/events/readings"))
    result = run("sh", "-c", f"{command} | head -n 1")
    assert result.stdout.count("\n") == 1
    assert result.stderr == ""


@pytest.mark.slow
def test_a_page_whose_connection_is_killed_gets_each_event_once(http, topic, kill_in_browser):
    arguments = f"const path = '{topic.path}?from=beginning', count = {len(topic.events)};"
    script = """
        const data = [];
        for await (const event of client.readEvents(path, limits)) {
          data.push(JSON.parse(event.data));
          if (data.length === count) return data;
        }
    """
    for received in kill_in_browser("sse.js", arguments + script):
        assert received == topic.events
