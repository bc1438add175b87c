"""Redis Streams: what all processes of a service share, on any number of machines."""

import asyncio
import logging
import secrets
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from fastapi import HTTPException
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from ...streaming.limits import LimitReached
from ...streaming.supervision import keep_running
from .broker import Deliver, Page
from .event import Event, EventId, Message, make_event
from .log import PAGE_BYTES, EventLog
from .settings import sse_settings

WAIT_SECONDS = 3
PAUSE_SECONDS = 0.1
BLOCK_SECONDS = 2
READ_AT_ONCE = 100  # entries of each stream
CONNECTIONS = 8

# One hash tag, so that a cluster keeps all keys in one place.
STATE, EPOCHS, NEWEST = "{sse}:state", "{sse}:epochs", "{sse}:newest"
STREAM, BYTES, MARK = "{sse}:topic:", "{sse}:bytes:", "{sse}:done:"

Restart = Callable[[str, int], None]
Entry = tuple[str, dict[str, str]]
T = TypeVar("T")

logger = logging.getLogger(__name__)


class BrokerAway(HTTPException):
    """Redis does not answer, or not in time; nothing was published."""

    type = "/problems/broker-away"

    def __init__(self) -> None:
        super().__init__(503, "The broker does not answer.", headers={"Retry-After": "1"})


class RedisBroker:
    """One stream for each topic, one `XREAD` in each process for all topics that it follows."""

    def __init__(self, url: str, log: EventLog, deliver: Deliver, restart: Restart) -> None:
        options: dict[str, Any] = {
            "decode_responses": True,
            "retry": Retry(NoBackoff(), 0),  # what is tried again is decided here
            "socket_connect_timeout": WAIT_SECONDS,
            "socket_timeout": WAIT_SECONDS,
        }
        pool = BlockingConnectionPool.from_url(
            url, max_connections=CONNECTIONS, timeout=WAIT_SECONDS, **options
        )
        self._redis = Redis.from_pool(pool)
        options["socket_timeout"] += BLOCK_SECONDS
        self._reader = Redis.from_url(url, single_connection_client=True, **options)
        script = Path(__file__).with_name("redis_events.lua").read_text(encoding="utf-8")
        self._script = self._redis.register_script(script)
        self._log = log
        self._deliver = deliver
        self._restart = restart
        self._attached = asyncio.Event()
        self._reader_id = 0
        self._position = 0  # all events up to this number are in the log
        self._seen = 0
        self._clock_offset = 0.0  # microseconds from our clock to that of Redis
        self._waiting: list[tuple[Collection[str], asyncio.Future[None]]] = []

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[None, None]:
        try:
            async with keep_running("broker", self._feed):
                yield
        finally:
            await self._reader.aclose()
            await self._redis.aclose()

    async def publish(self, topic: str, messages: Sequence[Message]) -> list[EventId]:
        keys = [STREAM + topic, BYTES + topic, MARK + secrets.token_hex(8)]
        deadline = time.monotonic() + WAIT_SECONDS
        settings = sse_settings()
        keep = [int(settings.event_seconds * 1e6), settings.topic_bytes, settings.max_topics]
        fields = [part for message in messages for part in _encode(message)]

        async def ask() -> list[str]:
            return await self._run_script(keys, [topic, self._redis_time(deadline), *keep, *fields])

        epoch, last, _ = await self._ask(ask)
        self._seen = max(self._seen, int(last))
        first = int(last) - len(messages) + 1
        return [EventId(epoch, first + index) for index in range(len(messages))]

    async def follow(self, topics: Collection[str]) -> int:
        new = [topic for topic in topics if topic not in self._log.topics]
        if new:
            admitted = asyncio.get_running_loop().create_future()
            self._waiting.append((new, admitted))
            await self._ask(lambda: self._until(admitted))
        return int(await self._ask(lambda: self._redis.hget(STATE, "newest")) or 0)  # ty: ignore

    async def read(self, topics: Collection[str], after: int, until: int) -> Page:
        async def ask() -> list[Any]:
            async with self._redis.pipeline() as pipeline:
                pipeline.hget(STATE, "forgotten")
                for topic in topics:
                    stream = STREAM + topic
                    pipeline.xrange(stream, f"({after}-0", f"{until}-0", READ_AT_ONCE)
                    pipeline.xrange(stream, count=1)
                    pipeline.zscore(NEWEST, topic)
                return await pipeline.execute()

        forgotten, *replies = await self._ask(ask)
        floors, found = {}, {}
        for index, topic in enumerate(topics):
            found[topic], first, newest = replies[3 * index : 3 * index + 3]
            floors[topic] = int(first[0][1]["previous"] if first else newest or forgotten or 0)
        entries, through = _merge(found, until)
        return _page([self._event(*entry) for entry in entries], through, floors)

    async def _feed(self) -> None:
        """Deliver what is published to the topics that are followed, in the order of numbers."""
        self._reader_id = await self._reader.client_id()
        await self._attach()
        while True:
            self._admit()
            position = f"{self._position}-0"
            streams: Any = {EPOCHS: position}
            streams |= dict.fromkeys((STREAM + topic for topic in self._log.topics), position)
            reply = await self._reader.xread(streams, READ_AT_ONCE, 1000 * BLOCK_SECONDS)
            if reply:
                await self._take(dict(reply))

    async def _attach(self, *, misses: bool = False) -> None:
        """Learn of the epoch, or begin a new one where Redis has less than was seen of it."""
        epoch, newest, now = await self._run_script([], [], misses=misses)
        self._clock_offset = int(now) - time.monotonic() * 1e6
        if not self._attached.is_set():
            self._restart(epoch, int(newest))
            self._position = self._seen = int(newest)
            self._attached.set()

    def _admit(self) -> None:
        """Follow more topics: the next read begins for all of them at the same number."""
        for topics, admitted in self._waiting:
            if admitted.done():
                continue
            try:
                for topic in topics:
                    self._log.open(topic, self._position)
                admitted.set_result(None)
            except LimitReached as error:
                admitted.set_exception(error)
        self._waiting.clear()

    async def _until(self, admitted: asyncio.Future[None]) -> None:
        """Interrupt the read that does not have the new topics, as often as it takes."""
        try:
            while not admitted.done():
                await self._redis.client_unblock(self._reader_id)
                await asyncio.wait([admitted], timeout=PAUSE_SECONDS)
            admitted.result()
        finally:
            admitted.cancel()

    async def _take(self, reply: Mapping[str, list[Entry]]) -> None:
        entries, _ = _merge(reply, sys.maxsize)
        has_missed, is_behind = self._find_holes(reply)
        if has_missed:
            self._restart(self._log.epoch, self._position)
        events: list[Event] = []
        for number, stream, fields in entries:
            topic = stream.removeprefix(STREAM)
            if topic in self._log.topics:
                events.append(self._event(number, topic, fields))
            elif stream == EPOCHS:
                self._deliver(events)
                events = []
                self._restart(fields["epoch"], number)
        self._deliver(events)
        self._position = entries[-1][0]
        self._seen = max(self._seen, self._position)
        if is_behind:
            await self._attach(misses=True)

    def _find_holes(self, reply: Mapping[str, list[Entry]]) -> tuple[bool, bool]:
        """Whether entries went before we have read them, and whether Redis lost some that we have.

        An entry names the one before it; within a reply none is missing.
        """
        has_missed = is_behind = False
        for stream, [(_, fields), *_] in reply.items():
            if log := self._log.topics.get(stream.removeprefix(STREAM)):
                previous = int(fields["previous"])
                newest = log.events[-1].number if log.events else log.begin
                has_missed |= previous > newest
                is_behind |= previous < newest and bool(log.events)
        return has_missed, is_behind

    def _event(self, number: int, topic: str, fields: dict[str, str]) -> Event:
        texts = {name[1:]: text for name, text in fields.items() if name.startswith("=")}
        event_id = EventId(self._log.epoch, number)
        return make_event(topic, event_id, number / 1e6, Message(texts, fields["name"]))

    async def _run_script(
        self, keys: Sequence[str], arguments: Sequence[str | int], *, misses: bool = False
    ) -> list[str]:
        seen = [self._log.epoch, self._seen, int(misses), secrets.token_hex(4)]
        try:
            return await self._script([STATE, EPOCHS, NEWEST, *keys], [*seen, *arguments])
        except ResponseError as error:
            if str(error).startswith("LIMIT"):
                raise LimitReached(503, "There are as many topics as there may be.") from error
            raise

    def _redis_time(self, seconds: float) -> int:
        """Microseconds on the clock of Redis, from seconds on our monotonic one."""
        return int(seconds * 1e6 + self._clock_offset)

    async def _ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """Ask Redis, again and again if need be. Raises `BrokerAway` after three seconds."""
        failure: Exception | None = None
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._attached.wait()
                while True:
                    try:
                        return await request()
                    except RedisError as error:
                        failure = error
                        await asyncio.sleep(PAUSE_SECONDS)
        except TimeoutError as error:
            logger.warning("Redis does not answer: %r", failure or error)
            raise BrokerAway from failure or error


def _encode(message: Message) -> list[str | int]:
    """The fields of an entry, with their count before them."""
    texts = [part for language, text in message.texts.items() for part in (f"={language}", text)]
    return [2 + len(texts), "name", message.name, *texts]


def _merge(
    found: Mapping[str, list[Entry]], until: int
) -> tuple[list[tuple[int, str, dict[str, str]]], int]:
    """The entries in the order of their numbers, up to where none is missing."""
    numbered = {
        name: [(int(entry_id.partition("-")[0]), name, fields) for entry_id, fields in entries]
        for name, entries in found.items()
    }
    full = [entries[-1][0] for entries in numbered.values() if len(entries) == READ_AT_ONCE]
    through = min([until, *full])
    entries = sorted(entry for entries in numbered.values() for entry in entries)
    return [entry for entry in entries if entry[0] <= through], through


def _page(events: list[Event], through: int, floors: Mapping[str, int]) -> Page:
    size = 0
    for count, event in enumerate(events, 1):
        size += event.bytes
        if size >= PAGE_BYTES and count < len(events):
            return Page(events[:count], event.number, floors)
    return Page(events, through, floors)
