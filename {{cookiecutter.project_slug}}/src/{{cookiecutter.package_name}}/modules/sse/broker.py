"""What the service needs of a broker, and the one that is within the process."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import NamedTuple, Protocol

from fastapi import HTTPException

from .event import Event, EventId, Message, make_event
from .fan_out import FanOut


class Page(NamedTuple):
    """Events that the process does not have any more, or never had.

    `events` are all that are kept of some topics behind the number that was asked for and up to
    `through`, in the order of their numbers. `floors` has, for each topic, the number of the newest
    event that is not kept: whoever asks for what is behind an earlier one has lost events.
    """

    events: Sequence[Event]
    through: int
    floors: Mapping[str, int]


class BrokerAway(HTTPException):
    """It does not answer, or not in time; nothing is published any more."""

    type = "/problems/broker-away"

    def __init__(self) -> None:
        super().__init__(503, "The broker does not answer.", {"Retry-After": "1"})


class Broker(Protocol):
    """Numbers events over all topics, keeps them, and delivers them to each process.

    `FanOut.deliver` is to be called with the events of all topics of the log, in the order of their
    numbers: it appends them to the log and sends them.
    """

    def run(self) -> AbstractAsyncContextManager[object]:
        """Feed the log for as long as the context is open."""
        ...

    async def run_once(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` in one of all the processes that share the broker."""
        ...

    async def publish(self, topic: str, messages: Sequence[Message]) -> list[EventId]:
        """All of the messages or, when an exception is raised, none."""
        ...

    async def follow(self, topics: Collection[str]) -> None:
        """Deliver these topics from now on.

        By the return, `log.newest` is no less than any number that was given before the call, and
        the log has all of these topics between `log.begin(topic)` and `log.newest`.
        """
        ...

    async def read(self, topics: Collection[str], after: int, until: int) -> Page:
        """What is kept of the topics behind `after` up to `until`, or some 32 KiB of it."""
        ...


class MemoryBroker:
    """The log is all there is; it ends with the process."""

    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out
        self._log = fan_out.log

    def run(self) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    async def run_once(self, work: Callable[[], Awaitable[None]]) -> None:
        await work()

    async def publish(self, topic: str, messages: Sequence[Message]) -> list[EventId]:
        self._log.open(topic, self._log.begin(topic))
        first = self._log.newest + 1
        ids = [EventId(self._log.epoch, first + index) for index in range(len(messages))]
        now = time.time()
        pairs = zip(ids, messages, strict=True)
        self._fan_out.deliver(
            [make_event(topic, event_id, now, message) for event_id, message in pairs]
        )
        return ids

    async def follow(self, topics: Collection[str]) -> None:
        pass

    async def read(self, topics: Collection[str], after: int, until: int) -> Page:
        events = self._log.read(topics, after, until)
        is_all = not events or events[-1].number == until
        floors = {topic: self._log.begin(topic) for topic in topics}
        return Page(events, until if is_all else events[-1].number, floors)
