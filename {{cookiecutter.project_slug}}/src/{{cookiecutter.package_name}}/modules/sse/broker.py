"""What the service needs of a broker, and the one that is within the process."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import NamedTuple, Protocol

from .event import Event, EventId, Message, make_event
from .log import EventLog

Deliver = Callable[[Sequence[Event]], None]


class Page(NamedTuple):
    """Events that the process does not have any more, or never had.

    `events` are all that are kept of some topics behind the number that was asked for and up to
    `through`, in the order of their numbers. `floors` has, for each topic, the number of the newest
    event that is not kept: whoever asks for what is behind an earlier one has lost events.
    """

    events: Sequence[Event]
    through: int
    floors: Mapping[str, int]


class Broker(Protocol):
    """Numbers events over all topics, keeps them, and delivers them to each process.

    `deliver` is to be called with events in the order of their numbers; it appends them to the
    log and sends them. Events of topics that nobody follows here need not be delivered.
    """

    def run(self) -> AbstractAsyncContextManager[object]:
        """Feed the log for as long as the context is open."""
        ...

    async def publish(self, topic: str, messages: Sequence[Message]) -> list[EventId]:
        """All of the messages or, when an exception is raised, none."""
        ...

    async def follow(self, topics: Collection[str]) -> int:
        """Deliver these topics from now on; the newest number that any event has by then.

        By the return, `log.begin(topic)` is right for each of them: what comes behind is in the
        log, or will be.
        """
        ...

    async def read(self, topics: Collection[str], after: int, until: int) -> Page:
        """What is kept of the topics behind `after` up to `until`, or some 64 KiB of it."""
        ...


class MemoryBroker:
    """The log is all there is; it ends with the process."""

    def __init__(self, log: EventLog, deliver: Deliver) -> None:
        self._log = log
        self._deliver = deliver

    def run(self) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    async def publish(self, topic: str, messages: Sequence[Message]) -> list[EventId]:
        self._log.open(topic, self._log.begin(topic))
        first = self._log.newest + 1
        ids = [EventId(self._log.epoch, first + index) for index in range(len(messages))]
        now = time.time()
        self._deliver([make_event(topic, *pair) for pair in zip(ids, [now] * len(ids), messages)])
        return ids

    async def follow(self, topics: Collection[str]) -> int:
        return self._log.newest

    async def read(self, topics: Collection[str], after: int, until: int) -> Page:
        return Page((), until, {topic: self._log.begin(topic) for topic in topics})
