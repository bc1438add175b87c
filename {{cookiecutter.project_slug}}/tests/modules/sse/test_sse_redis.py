"""Several processes that share a real redis-server."""

import json
import os
import runpy
import signal
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from {{ cookiecutter.package_name }}.modules.sse.fan_out import FanOut
from {{ cookiecutter.package_name }}.modules.sse.publishing import (
    make_broker,
)
from {{ cookiecutter.package_name }}.modules.sse.settings import (
    sse_settings,
)

from tests.modules.sse.waiting import wait_for
from tests.streaming.fixtures import APP, PROJECT

read_events = runpy.run_path(str(PROJECT / "clients" / "python" / "sse.py"))["read_events"]
SUBSCRIBERS = 8
OUTAGE_SECONDS = 4

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings(redis) -> dict[str, str]:
    return {"SSE_BROKER_URL": redis.url, "DEMO_ROWS": "100", "SSE_TOPIC_BYTES": "300000"}


@pytest.fixture(scope="module")
def publisher(serve, settings) -> Iterator[str]:
    """The URL of one process."""
    with serve(APP, **settings) as server:
        yield server.url


@pytest.fixture(scope="module")
def workers(serve, settings) -> Iterator[Any]:
    """A server of four processes, as it might be on another machine."""
    with serve(APP, "--workers", "4", **settings) as server:
        yield server


@pytest.fixture
def topic() -> str:
    return f"/events/{uuid4().hex}"


class Subscriber:
    """Our client, which reconnects by itself, in a thread."""

    def __init__(self, url: str, last_event_id: str = "") -> None:
        self.events: list[tuple[str, Any]] = []
        self._arguments = url, last_event_id
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for event in read_events(*self._arguments):
            self.events.append((event.event, json.loads(event.data)))

    @property
    def values(self) -> list[Any]:
        return [value for name, value in self.events if name == "message"]


def publish(http: httpx2.Client, url: str, value: object) -> str:
    """Publish until it is accepted; returns the id."""
    while (response := http.post(url, json=value)).status_code == 503:
        pass
    assert response.status_code == 202
    return response.json()["id"]


def test_nothing_is_lost_or_doubled_whatever_breaks(http, redis, publisher, workers, topic):
    first = publish(http, publisher + topic, -1)
    subscribers = [Subscriber(workers.url + topic, first) for _ in range(SUBSCRIBERS)]
    accepted: list[int] = []
    refused: list[int] = []
    is_over = threading.Event()

    def go_on_publishing() -> None:
        with httpx2.Client(timeout=30) as client:
            for number in count():
                if is_over.is_set():
                    return
                status = client.post(publisher + topic, json=number).status_code
                {202: accepted, 503: refused}[status].append(number)
                time.sleep(0.01)

    def all_get_on() -> None:
        """Each subscriber gets what is accepted from now on."""
        known = len(accepted)
        wait_for(lambda: len(accepted) > known)
        newest = accepted[known]
        wait_for(lambda: all(newest in subscriber.values for subscriber in subscribers))

    publishing = threading.Thread(target=go_on_publishing)
    publishing.start()
    try:
        all_get_on()
        for worker in children(workers.process.pid)[:2]:
            os.kill(worker, signal.SIGKILL)
        all_get_on()
        redis.kill()
        time.sleep(1)
        redis.start()
        all_get_on()
        redis.pause()
        time.sleep(OUTAGE_SECONDS)
        redis.resume()
        all_get_on()
    finally:
        is_over.set()
        publishing.join()
    wait_for(lambda: all(accepted[-1] in subscriber.values for subscriber in subscribers))
    for subscriber in subscribers:
        # Redis may have taken the one that it did not answer any more.
        expected = sorted({*accepted, *(set(refused) & set(subscribers[0].values))})
        assert subscriber.events == [("message", number) for number in expected]


def test_an_id_means_the_same_everywhere(http, publisher, workers, topic):
    ids = [publish(http, publisher + topic, number) for number in range(10)]
    for number, event_id in enumerate(ids[:-1]):
        url = (workers.url, publisher)[number % 2] + topic
        subscriber = Subscriber(url, event_id)
        wait_for(lambda subscriber=subscriber: 9 in subscriber.values)
        assert subscriber.events == [("message", later) for later in range(number + 1, 10)]


def test_a_topic_keeps_its_newest_events_and_tells_of_the_others(http, publisher, workers, topic):
    ids = [publish(http, publisher + topic, f"{number:010000}") for number in range(40)]
    subscriber = Subscriber(workers.url + topic, ids[0])
    wait_for(lambda: len(subscriber.values) >= 20 and subscriber.values[-1].endswith("39"))
    (name, gap), *rest = subscriber.events
    assert (name, gap["after"]) == ("gap", ids[0])
    assert gap["resumed_after"] == ids[40 - len(rest) - 1]
    complete = Subscriber(workers.url + topic, gap["resumed_after"])
    wait_for(lambda: len(complete.events) >= len(rest))
    assert complete.events == rest


@pytest.mark.parametrize(("count", "size"), [(50, 10_000), (4, 200_000)])
def test_a_subscriber_is_told_what_went_before_it_was_read(
    http, publisher, workers, topic, count, size
):
    first = publish(http, publisher + topic, "first")
    subscriber = Subscriber(workers.url + topic)
    wait_for(lambda: "here" in subscriber.values or publish(http, publisher + topic, "here") == "")
    del subscriber.events[:]
    batch = "\n".join(json.dumps(f"{number:0{size}}") for number in range(count))
    headers = {"Content-Type": "application/jsonl"}
    ids = http.post(publisher + topic, content=batch, headers=headers).json()["ids"]
    wait_for(lambda: subscriber.values and subscriber.values[-1].endswith(f"0{count - 1}"))
    (name, gap), *rest = subscriber.events
    assert (name, gap["resumed_after"]) == ("gap", ids[count - len(rest) - 1])
    assert first < gap["after"] < ids[0]


def test_what_is_refused_while_redis_is_away_is_not_published(http, redis, publisher, topic):
    first = publish(http, publisher + topic, "before")
    redis.pause()
    started = time.monotonic()
    try:
        problem = http.post(publisher + topic, json="meanwhile")
        assert time.monotonic() - started < 8
        assert (problem.status_code, problem.json()["type"]) == (503, "/problems/broker-away")
        assert problem.headers["Retry-After"] == "1"
    finally:
        redis.resume()
    publish(http, publisher + topic, "after")
    subscriber = Subscriber(publisher + topic, first)
    wait_for(lambda: "after" in subscriber.values)
    assert subscriber.events == [("message", "after")]


def test_the_feed_runs_in_one_process_of_all(publisher, workers):
    subscribers = [Subscriber(f"{url}/events/readings") for url in (workers.url, publisher)]
    wait_for(lambda: all(len(subscriber.values) >= 3 for subscriber in subscribers))
    for subscriber in subscribers:
        ids = [reading["id"] for reading in subscriber.values]
        assert ids == list(range(ids[0], ids[0] + len(ids)))


# The last one: with the data, the lease of the feed is lost, too.
def test_data_that_redis_has_lost_is_told_as_a_gap(http, redis, publisher, workers, topic):
    first = publish(http, publisher + topic, "lost")
    subscribers = [Subscriber(url + topic, first) for url in [workers.url] * 4 + [publisher]]
    publish(http, publisher + topic, "seen")
    wait_for(lambda: all("seen" in subscriber.values for subscriber in subscribers))
    redis.ask("FLUSHALL")
    publish(http, publisher + topic, "new")
    wait_for(lambda: all("new" in subscriber.values for subscriber in subscribers))
    for subscriber in subscribers:
        assert [name for name, _ in subscriber.events] == ["message", "gap", "message"]
        assert subscriber.values == ["seen", "new"]


def test_data_that_went_back_in_time_is_told_as_a_gap(
    http, redis, publisher, workers, topic, tmp_path
):
    publish(http, publisher + topic, "kept")
    redis.save(tmp_path / "saved")
    subscribers = [Subscriber(url + topic) for url in [workers.url] * 4 + [publisher]]
    for subscriber in subscribers:
        wait_for(lambda s=subscriber: s.values or publish(http, publisher + topic, "lost") == "")
    redis.go_back_to(tmp_path / "saved")
    publish(http, publisher + topic, "new")
    wait_for(lambda: all("new" in subscriber.values for subscriber in subscribers))
    for subscriber in subscribers:
        names = [name for name, _ in subscriber.events]
        assert names.count("gap") == 1
        after_gap = [value for _, value in subscriber.events[names.index("gap") + 1 :]]
        assert after_gap == ["new"]


def test_several_workers_without_a_broker_are_warned(monkeypatch, caplog):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/nowhere")
    make_broker(None, FanOut(sse_settings()))
    assert "SSE_BROKER_URL" in caplog.text


def children(pid: int) -> list[int]:
    """The workers of a server."""
    tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    names = {int(task): Path(f"/proc/{task}/cmdline").read_bytes() for task in tasks}
    return [child for child, name in names.items() if b"spawn_main" in name]
