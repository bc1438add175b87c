import asyncio
import re
import secrets
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import NamedTuple

from fastapi.sse import format_sse_event

# What an event without data takes in memory: two tuples, two strings, a number.
EVENT_OVERHEAD_BYTES = 300
READ_AT_ONCE = 100
HEARTBEAT_SECONDS = 15

EVENT_ID = re.compile(r"([0-9a-f]{8})-([0-9]{1,18})")


class EventId(NamedTuple):
    """The id of an event: `run` differs with each process, `number` counts up from 1."""

    run: str
    number: int

    def __str__(self) -> str:
        return f"{self.run}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> "EventId":
        """Raises `ValueError` for what is no event id."""
        found = EVENT_ID.fullmatch(text)
        if not found:
            raise ValueError("not an event id of this service")
        return cls(found[1], int(found[2]))


class Event(NamedTuple):
    """An event, with the bytes that every subscriber is sent for it."""

    topic: str
    encoded: bytes


class Gap(NamedTuple):
    """Events were lost to a subscriber: the log no longer holds what came after `after`."""

    after: EventId
    resumed_after: EventId


class EventLog:
    """The newest events of all topics, in at most `max_bytes` of memory.

    Subscribers read from the log at their own pace, so a slow one costs nothing but its place in
    it; one that falls behind the oldest event is told so by a `Gap`.
    """

    def __init__(self, max_bytes: int) -> None:
        self.run = secrets.token_hex(4)
        self._max_bytes = max_bytes
        self._bytes = 0
        self._events: list[Event] = []
        self._newest = 0
        self._changed = asyncio.Event()
        self._last: int | None = None

    def append(self, topic: str, data: str) -> EventId:
        self._newest += 1
        event_id = EventId(self.run, self._newest)
        event = Event(topic, format_sse_event(data_str=data, id=str(event_id)))
        self._events.append(event)
        self._bytes += _size(event)
        self._evict()
        self._wake_subscribers()
        return event_id

    def close(self) -> None:
        """End every subscription once it has read what there is now."""
        self._last = self._newest
        self._wake_subscribers()

    async def subscribe(
        self, topic: str, after: EventId | None
    ) -> AsyncGenerator[list[Event] | Gap, None]:
        """Yield the events of `topic` from behind `after` on (`None`: the coming ones).

        What is there comes at once, in lists of at most 100; after 15 seconds without any event
        comes an empty list.
        """
        position = self._newest if after is None else after.number
        if after is not None and (after.run != self.run or position > self._newest):
            position = self._oldest - 1
            yield Gap(after, EventId(self.run, position))
        while self._last is None or position < self._last:
            if position < self._oldest - 1:
                lost_after = EventId(self.run, position)
                position = self._oldest - 1
                yield Gap(lost_after, EventId(self.run, position))
            elif position < self._newest:
                first = position - self._oldest + 1
                read = self._events[first : first + READ_AT_ONCE]
                position += len(read)
                if events := [event for event in read if event.topic == topic]:
                    yield events
                await asyncio.sleep(0)  # other topics' events must not hold the event loop
            elif not await self._wait_for_change():
                yield []

    async def _wait_for_change(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                return await self._changed.wait()
        return False

    @property
    def _oldest(self) -> int:
        """The number of the oldest event that is held; of the next one, when none is."""
        return self._newest - len(self._events) + 1

    def _evict(self) -> None:
        surplus = 0
        while self._bytes > self._max_bytes and surplus < len(self._events) - 1:
            self._bytes -= _size(self._events[surplus])
            surplus += 1
        del self._events[:surplus]

    def _wake_subscribers(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _size(event: Event) -> int:
    return len(event.encoded) + EVENT_OVERHEAD_BYTES
