import json
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from uuid import uuid4

import httpx2
import pytest


@pytest.fixture
def topic(service: str) -> str:
    """The URL of a topic that no other test publishes to."""
    return f"{service}/events/{uuid4().hex}"


@pytest.fixture(scope="module")
def small(serve):
    """A server with a log of some events; the last test ends it."""
    with serve(SSE_LOG_BYTES="1000") as server:
        yield server


@contextmanager
def subscribe(url: str, **headers: str) -> Generator[Iterator[httpx2.ServerSentEvent]]:
    with httpx2.Client(timeout=10) as client, client.sse(url, headers=headers) as source:
        assert source.response.status_code == 200
        yield iter(source)


def publish(url: str, *values: object) -> list[str]:
    return [httpx2.post(url, json=value).raise_for_status().json()["id"] for value in values]


def test_the_demo_publishes_a_reading_in_each_period(service):
    with subscribe(f"{service}/events/readings") as events:
        started = time.monotonic()
        readings = [json.loads(event.data) for event in islice(events, 3)]
        assert time.monotonic() - started > 0.4
    assert [reading["id"] - readings[0]["id"] for reading in readings] == [0, 1, 2]


def test_every_subscriber_gets_what_is_published(topic):
    with subscribe(topic) as first, subscribe(topic) as second:
        value = {"text": "Füllstand\n🌡️\u2028", "number": 1.5}
        [event_id] = publish(topic, value)
        for events in (first, second):
            event = next(events)
            assert (event.id, json.loads(event.data)) == (event_id, value)


def test_topics_are_apart(topic):
    with subscribe(f"{topic}-a") as events:
        publish(f"{topic}-b", "for b")
        publish(f"{topic}-a", "for a")
        assert next(events).data == '"for a"'


def test_a_subscriber_resumes_after_its_last_event(topic):
    ids = publish(topic, 0, 1, 2, 3)
    with subscribe(topic, **{"Last-Event-ID": ids[1]}) as events:
        assert [event.data for event in islice(events, 2)] == ["2", "3"]


def test_a_subscriber_of_an_earlier_run_is_told_of_the_gap(topic):
    [event_id] = publish(topic, "only")
    with subscribe(topic, **{"Last-Event-ID": "0a1b2c3d-7"}) as events:
        gap = next(events)
        assert gap.event == "gap"
        assert json.loads(gap.data)["after"] == "0a1b2c3d-7"
        assert next(event for event in events if event.data == '"only"').id == event_id


def test_a_log_that_is_full_drops_the_oldest_events_and_says_so(small):
    topic = f"{small.url}/events/full"
    ids = publish(topic, *(f"{number:0300}" for number in range(10)))
    with subscribe(topic, **{"Last-Event-ID": ids[0]}) as events:
        assert next(events).event == "gap"
        assert next(events).id in ids[6:]


def test_an_id_that_is_none_gets_422(topic):
    response = httpx2.get(topic, headers={"Last-Event-ID": "nonsense"})
    assert response.status_code == 422
    assert "Last-Event-ID" in response.json()["detail"]


@pytest.mark.parametrize("body", [b"{", b'"\\ud800"', b"NaN", b""])
def test_only_json_is_published(topic, body):
    headers = {"Content-Type": "application/json"}
    response = httpx2.post(topic, content=body, headers=headers)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_a_topic_has_a_plain_name(service):
    response = httpx2.get(f"{service}/events/a%0Ab")
    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == ["path.topic"]


def test_sigterm_ends_the_streams_with_a_time_to_come_back(small):
    with subscribe(f"{small.url}/events/idle") as events:
        small.process.terminate()
        [event] = events
    assert event.retry in range(5001)
    small.process.wait(timeout=5)
