"""The newest events of each topic, in memory."""

import time
from bisect import bisect_right
from collections.abc import Collection, Iterable
from heapq import merge
from operator import attrgetter

from ...streaming.limits import LimitReached
from .event import Event
from .settings import SseSettings

PAGE_BYTES = 32 * 1024

by_number = attrgetter("number")


class TopicLog:
    """The events of a topic whose number is greater than `begin`."""

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.events: list[Event] = []
        self.bytes = 0
        self.used = time.time()

    def append(self, event: Event) -> None:
        self.events.append(event)
        self.bytes += event.bytes
        self.used = event.published

    def after(self, number: int) -> Iterable[Event]:
        return self.events[bisect_right(self.events, number, key=by_number) :]

    def drop(self, count: int) -> int:
        """Drop the oldest events; returns their bytes."""
        if not count:
            return 0
        dropped = sum(event.bytes for event in self.events[:count])
        self.begin = self.events[count - 1].number
        del self.events[:count]
        self.bytes -= dropped
        return dropped

    def drop_beyond(self, most_bytes: int) -> int:
        """Drop the oldest until the rest, or the newest alone, is no larger."""
        count, left = 0, self.bytes
        while left > most_bytes and count < len(self.events) - 1:
            left -= self.events[count].bytes
            count += 1
        return self.drop(count)


class EventLog:
    """A log for each topic, with bounds for each, for all together, and for their number.

    What all topics together have too much is taken from the largest, so a busy topic takes nothing
    from a quiet one. Of a topic that is forgotten, the number of its last event is kept.
    """

    def __init__(self, settings: SseSettings, epoch: str) -> None:
        self.epoch = epoch
        self.newest = 0
        self.topics: dict[str, TopicLog] = {}
        self._settings = settings
        self._bytes = 0
        self._forgotten: dict[str, int] = {}
        self._forgotten_before = 0

    def open(self, topic: str, begin: int) -> TopicLog:
        """The log of a topic, which holds what comes after `begin`. Raises `LimitReached`."""
        if topic not in self.topics:
            if len(self.topics) >= self._settings.max_topics:
                raise LimitReached(503, "There are as many topics as there may be.")
            self.topics[topic] = TopicLog(begin)
            self._forgotten.pop(topic, None)
        return self.topics[topic]

    def begin(self, topic: str) -> int:
        """The log has all events of the topic with a number greater than this."""
        if log := self.topics.get(topic):
            return log.begin
        return self._forgotten.get(topic, self._forgotten_before)

    def append(self, event: Event) -> None:
        """Keep an event, whose number is greater than all before."""
        log = self.open(event.topic, self.begin(event.topic))
        log.append(event)
        self.newest = event.number
        self._bytes += event.bytes
        self._bytes -= log.drop_beyond(self._settings.topic_bytes)
        while self._bytes > self._settings.log_bytes:
            largest = max(self.topics.values(), key=attrgetter("bytes"))
            excess = self._bytes - self._settings.log_bytes
            if not (dropped := largest.drop_beyond(largest.bytes - excess)):
                break
            self._bytes -= dropped

    def read(self, topics: Collection[str], after: int, until: int) -> list[Event]:
        """The next events of the topics, in order: all up to `until`, or 32 KiB and one."""
        found: list[Event] = []
        size = 0
        logs = [self.topics[topic].after(after) for topic in topics if topic in self.topics]
        for event in logs[0] if len(logs) == 1 else merge(*logs, key=by_number):
            if size >= PAGE_BYTES or event.number > until:
                break
            found.append(event)
            size += event.bytes
        return found

    def expire(self, now: float, in_use: Collection[str]) -> None:
        """Drop what is too old, and topics that have nothing left and are not in use."""
        oldest = now - self._settings.event_seconds
        for topic, log in list(self.topics.items()):
            count = bisect_right(log.events, oldest, key=attrgetter("published"))
            self._bytes -= log.drop(count)
            if not log.events and log.used < oldest and topic not in in_use:
                self._forget(topic)

    def _forget(self, topic: str) -> None:
        self._forgotten[topic] = self.topics.pop(topic).begin
        if len(self._forgotten) > self._settings.max_topics:
            oldest = next(iter(self._forgotten))
            self._forgotten_before = max(self._forgotten_before, self._forgotten.pop(oldest))

    def restart(self, epoch: str, newest: int) -> None:
        """Begin anew, with the same topics: every id from before is a gap."""
        self.epoch, self.newest, self._bytes = epoch, newest, 0
        self.topics = {topic: TopicLog(newest) for topic in self.topics}
        self._forgotten.clear()
