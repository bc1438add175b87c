import os
from json import dumps, loads
from statistics import median
from time import time
from typing import Any

import gevent
from locust.exception import StopUser

from loadtest.stream import Cut, Stream
from loadtest.streaming import StreamUser

TOPICS = 4
EVENTS_PER_SECOND = 5  # of each topic
LAST_EVENTS = 3
HEADERS = {"Content-Type": "application/json"}
if token := os.environ.get("SSE_PUBLISH_TOKEN"):
    HEADERS["Authorization"] = f"Bearer {token}"


def topic(user: StreamUser, number: int) -> str:
    return f"load-{user.run_id}-{number % TOPICS}"


class Publisher(StreamUser):
    """Publishes to all topics, each event when it is due: one that is late does not move the next.

    There are several last ones, so that one that is lost keeps nobody waiting.
    """

    fixed_count = 1
    disturbs = joins_later = False

    def visit(self) -> None:
        gevent.joinall([gevent.spawn(self.publish_to, topic(self, n)) for n in range(TOPICS)])
        raise StopUser

    def publish_to(self, name: str) -> None:
        began, seconds = self.timeline.began, self.timeline.seconds
        for number in range(round(seconds * EVENTS_PER_SECOND) + LAST_EVENTS):
            due = began + number / EVENTS_PER_SECOND
            gevent.sleep(max(0.0, due - time()))
            last = due >= began + seconds
            self.publish(f"/events/{name}", {"number": number, "due": due, "last": last})

    def publish(self, path: str, event: dict[str, Any]) -> None:
        self.recorder.count("requests")
        response = self.client.post(path, dumps(event), name="/events", headers=HEADERS)
        if not response.ok:
            self.recorder.count("failed")
            self.recorder.example("failed", f"POST {path}: status {response.status_code}")


class Subscriber(StreamUser):
    """Stays until the last event of a topic, and comes back from where it was."""

    share = 2.0
    disturbs = False

    def on_start(self) -> None:
        super().on_start()
        self.next_number: int | None = None
        self.last_id = ""
        self.has_last = False

    def visit(self) -> None:
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        with self.stream(f"/events/{topic(self, self.number)}", headers=headers) as stream:
            self.read_events(stream)
        if self.has_last:
            raise StopUser

    def read_events(self, stream: Stream) -> None:
        rest, since, delays = b"", 0.0, list[float]()
        for piece in stream:
            now = time()
            since = since or now
            *blocks, rest = (rest + piece).split(b"\n\n")
            for block in blocks:
                fields = dict(line.partition(b": ")[::2] for line in block.split(b"\n"))
                self.last_id = fields.get(b"id", b"").decode() or self.last_id
                if b"data" not in fields:
                    continue
                event = loads(fields[b"data"])
                self.count_event(event["number"])
                if event["last"]:
                    self.has_last = True
                    return
                if event["due"] > since:  # else it was due while nobody was there
                    delays.append(self.deliver(event["due"], now))
                if len(delays) == EVENTS_PER_SECOND:
                    self.recorder.compare("subscribers", median(delays))
                    delays.clear()
        raise Cut("the stream ends before the last event")

    def count_event(self, number: int) -> None:
        expected = number if self.next_number is None else self.next_number
        self.count_records(got=1, missing=max(0, number - expected), doubled=number < expected)
        self.next_number = max(expected, number + 1)


class Newcomer(StreamUser):
    """Comes, and goes as soon as it is welcome."""

    share = 0.25
    pause_seconds = 0.2
    joins_later = False

    def visit(self) -> None:
        with self.stream(f"/events/{topic(self, self.number)}") as stream:
            next(iter(stream))
