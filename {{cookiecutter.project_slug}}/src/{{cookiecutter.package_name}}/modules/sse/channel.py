"""Those who are sent the same bytes, which are encoded once and written to each connection."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from fastapi.sse import KEEPALIVE_COMMENT

from ...streaming.detached import as_chunk
from ...streaming.metrics import count_shared
from .event import Event, encode
from .log import PAGE_BYTES, EventLog
from .settings import SseSettings

if TYPE_CHECKING:
    from .subscriber import Subscriber

# Connections that are written to in a row, for some milliseconds, before others have their turn.
WRITES_AT_ONCE = 256
HEARTBEAT = as_chunk(KEEPALIVE_COMMENT)


class Page(NamedTuple):
    """Some events as they are sent: `data` is what comes behind `after`, up to `number`."""

    after: int
    data: bytes
    number: int
    count: int


NO_PAGE = Page(0, b"", 0, 0)


class Channel:
    """Subscribers of the same topics in the same language.

    `position` is the number of the newest event that has been written, or is being so. Who is
    `live` has all up to it; all others read, page by page, what they have not.
    """

    def __init__(
        self, log: EventLog, topics: tuple[str, ...], language: str, settings: SseSettings
    ) -> None:
        self.topics = topics
        self.language = language
        self.position = log.newest
        self.live: set[Subscriber] = set()
        self.users = 0
        # What was sent to those who were live all the time.
        self.bytes = self.count = 0
        self._loop = asyncio.get_running_loop()
        self._heartbeat_seconds = settings.heartbeat_seconds
        self._written = self._loop.time() - settings.gather_milliseconds / 1000
        self._log = log
        self._gather_seconds = settings.gather_milliseconds / 1000
        self._most_gathered = min(PAGE_BYTES, settings.topic_bytes, settings.log_bytes)
        self._gathered = 0
        self._page = NO_PAGE
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        # Each with the subscribers that it is still to be written to.
        self._chunks: deque[tuple[bytes, int, Iterator[Subscriber]]] = deque()

    @property
    def begin(self) -> int:
        """The log has all events of these topics with a number greater than this."""
        return max(map(self._log.begin, self.topics))

    def settle(self) -> None:
        """Be where the log is, for those who begin there."""
        if self._gathered:
            self.flush()
        self.position = self._log.newest

    def make_room(self, size: int) -> None:
        """Write what is gathered before the log drops it for an event of this size."""
        if self._gathered and self._gathered + size > self._most_gathered:
            self.flush()
        self._gathered += size

    def schedule(self) -> None:
        """Write at once when nothing was written for a while, else with what comes meanwhile."""
        if self._timer is None:
            due = self._written + self._gather_seconds
            if due <= self._loop.time():
                self.flush()
            else:
                self._timer = self._loop.call_at(due, self.flush)

    def flush(self) -> None:
        """Write what has come since the last time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._gathered = 0
        after, self.position = self.position, self._log.newest
        if after < self.begin:
            self.fall_behind()
        while self.live and after < self.position:
            page = self.read(after)
            after = page.number
            if page.count:  # not of other topics alone
                self._write(as_chunk(page.data), after)
                self._count(page)
        self._tell()

    def _tell(self) -> None:
        """Wake those who `wait`."""
        self._changed.set()
        self._changed = asyncio.Event()

    def fall_behind(self) -> None:
        """Let each find out by itself what it has lost."""
        for subscriber in tuple(self.live):
            subscriber.fall_behind()

    def restart(self) -> None:
        """Begin anew, as the log does."""
        self._page = NO_PAGE
        self.fall_behind()
        self.settle()
        self._tell()

    def read(self, after: int) -> Page:
        """What is next in the log; those who read the same share what is made of it."""
        if self._page.after != after or self._page.number <= after:
            events = self._log.read(self.topics, after, self.position)
            number = events[-1].number if events else self.position
            self._page = Page(after, self.encode(events), number, len(events))
        return self._page

    def encode(self, events: Sequence[Event]) -> bytes:
        return encode(events, self.language, names_topic=len(self.topics) > 1)

    async def wait(self, seconds: float) -> bool:
        """Whether anything is written within that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._changed.wait()
        return False

    def beat(self) -> None:
        """Write a comment to all, unless something was written not long ago."""
        if self._written + self._heartbeat_seconds <= self._loop.time():
            self._write(HEARTBEAT, 0)

    def close(self) -> None:
        """Write all there is, and the last words."""
        self.flush()
        while self._chunks:
            self._write_some()
        for subscriber in tuple(self.live):
            subscriber.end()

    def _count(self, page: Page) -> None:
        self.bytes += len(page.data)
        self.count += page.count
        count_shared("sse", len(page.data) * len(self.live), page.count * len(self.live))

    def _write(self, chunk: bytes, number: int) -> None:
        """Write to those who are live and have not got as far as `number`; 0 is for all."""
        self._written = self._loop.time()
        self._chunks.append((chunk, number, iter(tuple(self.live))))
        if len(self._chunks) == 1:
            self._write_some()

    def _write_some(self) -> None:
        """Write the oldest chunks to some connections, and the rest when others had their turn."""
        left = WRITES_AT_ONCE
        while self._chunks and left > 0:
            chunk, number, subscribers = self._chunks[0]
            count = 0
            for subscriber in islice(subscribers, left):
                count += 1
                if subscriber.is_live and (subscriber.position < number or not number):
                    subscriber.position = number or subscriber.position
                    subscriber.write(chunk)
            if count < left:
                self._chunks.popleft()
            left -= count
        if self._chunks:
            self._loop.call_soon(self._write_some)
