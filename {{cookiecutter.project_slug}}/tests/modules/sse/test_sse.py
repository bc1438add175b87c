import json
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from uuid import uuid4

import httpx2
import pytest

from tests.streaming.fixtures import APP


@pytest.fixture
def topic(service: str) -> str:
    """The URL of a topic that no other test publishes to."""
    return f"{service}/events/{uuid4().hex}"


@pytest.fixture(scope="module")
def small(serve):
    """A server with a log of some events; the last test ends it."""
    with serve(SSE_LOG_BYTES="2000") as server:
        yield server


@contextmanager
def subscribe(
    http: httpx2.Client, url: str, **headers: str
) -> Generator[Iterator[httpx2.ServerSentEvent]]:
    with http.sse(url, headers=headers) as source:
        assert source.response.status_code == 200
        yield iter(source)


def publish(http: httpx2.Client, url: str, *values: object) -> list[str]:
    return [http.post(url, json=value).raise_for_status().json()["id"] for value in values]


def test_the_demo_publishes_a_reading_in_each_period(http, service):
    with subscribe(http, f"{service}/events/readings") as events:
        started = time.monotonic()
        readings = [json.loads(event.data) for event in islice(events, 3)]
        assert time.monotonic() - started > 0.4
    assert [reading["id"] - readings[0]["id"] for reading in readings] == [0, 1, 2]


def test_every_subscriber_gets_what_is_published(http, topic):
    with subscribe(http, topic) as first, subscribe(http, topic) as second:
        value = {"text": "Füllstand\n🌡️\u2028", "number": 1.5}
        [event_id] = publish(http, topic, value)
        for events in (first, second):
            event = next(events)
            assert (event.id, json.loads(event.data)) == (event_id, value)


def test_topics_are_apart(http, topic):
    with subscribe(http, f"{topic}-a") as events:
        publish(http, f"{topic}-b", "for b")
        publish(http, f"{topic}-a", "for a")
        assert next(events).data == '"for a"'


def test_a_subscriber_resumes_after_its_last_event(http, topic):
    ids = publish(http, topic, 0, 1, 2, 3)
    with subscribe(http, topic, **{"Last-Event-ID": ids[1]}) as events:
        assert [event.data for event in islice(events, 2)] == ["2", "3"]


def test_a_subscriber_of_an_earlier_run_is_told_of_the_gap(http, topic):
    [event_id] = publish(http, topic, "only")
    with subscribe(http, topic, **{"Last-Event-ID": "0a1b2c3d-7"}) as events:
        gap = next(events)
        assert gap.event == "gap"
        assert json.loads(gap.data)["after"] == "0a1b2c3d-7"
        assert next(event for event in events if event.data == '"only"').id == event_id


def test_a_log_that_is_full_drops_the_oldest_events_and_says_so(http, small):
    topic = f"{small.url}/events/full"
    ids = publish(http, topic, *(f"{number:0300}" for number in range(10)))
    with subscribe(http, topic, **{"Last-Event-ID": ids[0]}) as events:
        assert next(events).event == "gap"
        assert next(events).id in ids[6:]


@pytest.mark.parametrize(
    "event_id", ["nonsense", "-1", "0a1b2c3d-", "0a1b2c3d-²", "0a1b2c3d-" + "9" * 19]
)
def test_an_id_that_is_none_gets_422(http, topic, event_id):
    response = http.get(topic, headers={"Last-Event-ID": event_id.encode()})
    assert response.status_code == 422
    assert "Last-Event-ID" in response.json()["detail"]


@pytest.mark.parametrize("body", [b"{", b'"\\ud800"', b"NaN", b""])
def test_only_json_is_published(http, topic, body):
    headers = {"Content-Type": "application/json"}
    response = http.post(topic, content=body, headers=headers)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_a_topic_has_a_plain_name(http, service):
    response = http.get(f"{service}/events/a%0Ab")
    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == ["path.topic"]


def test_sigterm_ends_the_streams_with_a_time_to_come_back(http, small):
    with subscribe(http, f"{small.url}/events/idle") as events:
        small.process.terminate()
        [event] = events
    assert event.retry in range(5001)
    small.process.wait(timeout=5)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 4])
def test_sigterm_ends_busy_streams_too(http, serve, workers):
    options = ["--workers", str(workers)]
    with serve(APP, *options, DEMO_PERIOD_SECONDS="0.01") as server:
        with subscribe(http, f"{server.url}/events/readings") as events:
            ids = [json.loads(event.data)["id"] for event in islice(events, 20)]
            server.process.terminate()
            *rest, last = events
        ids += [json.loads(event.data)["id"] for event in rest]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert last.retry in range(5001)
        server.process.wait(timeout=5)


@pytest.mark.slow
def test_a_feed_that_fails_is_started_again_and_shows(http, serve):
    with serve("tests.modules.sse.failing_feed:app") as server:
        with subscribe(http, f"{server.url}/events/numbers") as events:
            received = [event.data for event in islice(events, 4)]
        numbers = [int(number) for number in received]
        assert numbers == list(range(numbers[0], numbers[0] + 4))
        problem = http.get(f"{server.url}/readyz")
        assert (problem.status_code, "feed" in problem.json()["detail"]) == (503, True)
        assert 'streaming_tasks_failing{task="feed"} 1.0' in http.get(f"{server.url}/metrics").text


def test_its_streams_are_counted(http, service):
    with subscribe(http, f"{service}/events/readings") as events:
        next(events)
    assert 'streaming_bytes_total{module="sse"}' in http.get(f"{service}/metrics").text
