"""Redis Streams: events that all processes of a service share, on any number of machines."""

import asyncio
import logging
import secrets
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from ...streaming.limits import LimitReached
from ...streaming.supervision import keep_running
from .broker import BrokerAway, Page
from .event import Event, EventId, Message, make_event
from .fan_out import FanOut
from .log import PAGE_BYTES
from .settings import sse_settings

WAIT_SECONDS = 3
PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 4
BLOCK_MILLISECONDS = 1000
LEASE_SECONDS = 9
CONNECTIONS = 8
READ_AT_ONCE = 100  # entries of each stream

# With one hash tag, so that a cluster would keep all keys in one place.
STATE, EPOCHS, NEWEST, FEED = "{sse}:state", "{sse}:epochs", "{sse}:newest", "{sse}:feed"
STREAM, BYTES, MARK = "{sse}:topic:", "{sse}:bytes:", "{sse}:mark:"

Entries = list[tuple[str, dict[str, str]]]
T = TypeVar("T")

logger = logging.getLogger(__name__)


class RedisBroker:
    """One stream for each topic, and in each process one `XREAD` for all that it follows.

    What the log has up to `log.newest` is all that there is of its topics; each read goes on there.
    """

    def __init__(self, url: str, fan_out: FanOut) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            decode_responses=True,
            max_connections=CONNECTIONS,
            retry=Retry(NoBackoff(), 0),  # what is asked again is decided here
            socket_connect_timeout=WAIT_SECONDS,
            socket_timeout=WAIT_SECONDS,
            timeout=WAIT_SECONDS,
        )
        self._redis = Redis.from_pool(pool)
        script = Path(__file__).with_name("redis_events.lua").read_text(encoding="utf-8")
        self._script = self._redis.register_script(script)
        self._fan_out = fan_out
        self._log = fan_out.log
        self._attached = asyncio.Event()
        self._reader_id = 0
        self._seen = 0  # the greatest number that anybody has been told here
        self._clock_offset = 0.0  # microseconds from our monotonic clock to that of Redis
        self._waiting: list[tuple[Collection[str], asyncio.Future[None]]] = []

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[None, None]:
        try:
            async with keep_running("broker", self._feed, longest_pause=LONGEST_PAUSE_SECONDS):
                yield
        finally:
            await self._redis.aclose()

    async def run_once(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` in one of all processes; in another when that one is gone."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(LEASE_SECONDS / 3)
                await lease.reacquire()

        lease = self._redis.lock(FEED, timeout=LEASE_SECONDS, sleep=PAUSE_SECONDS)
        await lease.acquire()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(renew())
                await work()
        finally:
            with suppress(RedisError):  # it is somebody else's by now, or Redis is away
                await lease.release()

    async def publish(self, topic: str, messages: Sequence[Message]) -> list[EventId]:
        settings = sse_settings()
        keys = [STREAM + topic, BYTES + topic, MARK + secrets.token_hex(8)]
        deadline = time.monotonic() + WAIT_SECONDS
        keep = [int(settings.event_seconds * 1e6), settings.topic_bytes, settings.max_topics]
        fields = [part for message in messages for part in _encode(message)]

        async def ask() -> list[str]:
            redis_deadline = int(deadline * 1e6 + self._clock_offset)
            return await self._run_script(keys, [topic, redis_deadline, *keep, *fields])

        epoch, last, _ = await self._ask(ask)
        self._seen = max(self._seen, int(last))
        first = int(last) - len(messages) + 1
        return [EventId(epoch, first + index) for index in range(len(messages))]

    async def follow(self, topics: Collection[str]) -> None:
        followed = asyncio.get_running_loop().create_future()
        self._waiting.append((topics, followed))

        async def interrupt() -> None:
            while not followed.done():  # the read may begin a moment later than it is interrupted
                await self._redis.client_unblock(self._reader_id)
                await asyncio.wait([followed], timeout=PAUSE_SECONDS)
            followed.result()

        try:
            await self._ask(interrupt)
        finally:
            followed.cancel()

    async def read(self, topics: Collection[str], after: int, until: int) -> Page:
        async def ask() -> list[Any]:
            async with self._redis.pipeline() as pipeline:
                pipeline.hget(STATE, "forgotten")
                for topic in topics:
                    pipeline.xrange(STREAM + topic, f"({after}-0", f"{until}-0", READ_AT_ONCE)
                    pipeline.xrange(STREAM + topic, count=1)
                    pipeline.zscore(NEWEST, topic)
                return await pipeline.execute()

        forgotten, *replies = await self._ask(ask)
        found, floors = {}, {}
        for topic, *reply in zip(topics, replies[::3], replies[1::3], replies[2::3], strict=True):
            found[STREAM + topic], first, newest = reply
            floors[topic] = int(first[0][1]["previous"] if first else newest or forgotten or 0)
        entries, through = _merge(found, until)
        events: list[Event] = []
        size = 0
        for entry in entries:
            if size >= PAGE_BYTES:
                return Page(events, events[-1].number, floors)
            events.append(self._event(*entry))
            size += events[-1].bytes
        return Page(events, through, floors)

    async def _feed(self) -> None:
        """Deliver what is published to the topics of the log."""
        async with self._redis.client() as reader:
            self._reader_id = await reader.client_id()
            await self._attach()
            while True:
                newest = 0
                if waiting := self._admit():
                    newest, reply = await self._read_now()
                else:
                    reply = await reader.xread(self._streams(), READ_AT_ONCE, BLOCK_MILLISECONDS)
                await self._take(dict(reply or ()), newest)  # ty: ignore[invalid-argument-type]
                if self._log.newest < newest:
                    self._waiting += waiting  # there is more than was read at once
                    continue
                for _, followed in waiting:
                    if not followed.done():
                        followed.set_result(None)

    async def _attach(self, *, misses: bool = False) -> str:
        """The epoch, which is a new one when Redis has less than was seen of it."""
        epoch, newest, now = await self._run_script([], [], misses=misses)
        self._clock_offset = int(now) - time.monotonic() * 1e6
        if not self._attached.is_set():
            self._fan_out.restart(epoch, int(newest))
            self._attached.set()
        return epoch

    def _admit(self) -> list[tuple[Collection[str], asyncio.Future[None]]]:
        """Open the logs of topics that are to be followed: the next read has them, too."""
        waiting, self._waiting = self._waiting, []
        for topics, followed in waiting:
            try:
                for topic in topics:
                    self._log.open(topic, self._log.newest)
            except LimitReached as error:
                if not followed.done():
                    followed.set_exception(error)
        return waiting

    async def _read_now(self) -> tuple[int, Any]:
        """The newest number of all, and what there is up to it."""
        async with self._redis.pipeline() as pipeline:
            pipeline.hget(STATE, "newest")
            pipeline.xread(self._streams(), READ_AT_ONCE)
            newest, reply = await pipeline.execute()
        return int(newest or 0), reply

    def _streams(self) -> dict[Any, Any]:
        streams = [EPOCHS, *(STREAM + topic for topic in self._log.topics)]
        return dict.fromkeys(streams, f"{self._log.newest}-0")

    async def _take(self, reply: Mapping[str, Entries], newest: int) -> None:
        entries, through = _merge(reply, newest or sys.maxsize)
        missed, is_behind = self._find_holes(reply)
        if missed or is_behind:
            epoch = await self._attach(misses=is_behind)
            self._fan_out.restart(epoch, self._log.newest)
            for topic, last_missed in missed.items():
                self._log.topics[topic].begin = last_missed
        events: list[Event] = []
        for number, stream, fields in entries:
            if stream != EPOCHS:
                events.append(self._event(number, stream, fields))
            elif fields["epoch"] != self._log.epoch:
                self._fan_out.deliver(events)
                events = []
                self._fan_out.restart(fields["epoch"], number)
        last = entries[-1][0] if entries else 0
        self._fan_out.deliver(events, through if newest else last)
        self._seen = max(self._seen, self._log.newest)

    def _find_holes(self, reply: Mapping[str, Entries]) -> tuple[dict[str, int], bool]:
        """The last entry of each topic that went before we have read it, and whether Redis lost
        some that we have.

        An entry names the one before it; within a reply none is missing.
        """
        missed, is_behind = {}, False
        for stream, [(_, fields), *_] in reply.items():
            topic = stream.removeprefix(STREAM)
            if log := self._log.topics.get(topic):
                previous = int(fields["previous"])
                if previous > (log.events[-1].number if log.events else log.begin):
                    missed[topic] = previous
                is_behind |= bool(log.events) and previous < log.events[-1].number
        return missed, is_behind

    def _event(self, number: int, stream: str, fields: dict[str, str]) -> Event:
        texts = {name[1:]: text for name, text in fields.items() if name.startswith("=")}
        message = Message(texts, fields["name"])
        event_id = EventId(self._log.epoch, number)
        return make_event(stream.removeprefix(STREAM), event_id, number / 1e6, message)

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

    async def _ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """Ask Redis, again and again if need be. Raises `BrokerAway` after three seconds."""
        failure: Exception = TimeoutError()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._attached.wait()
                while True:
                    try:
                        return await request()
                    except RedisError as error:
                        failure = error
                        await asyncio.sleep(PAUSE_SECONDS)
        except TimeoutError:
            logger.warning("Redis does not answer: %r", failure)
            raise BrokerAway from failure


def _encode(message: Message) -> list[str | int]:
    """The fields of an entry, with their count before them."""
    texts = [part for language, text in message.texts.items() for part in (f"={language}", text)]
    return [2 + len(texts), "name", message.name, *texts]


def _merge(
    found: Mapping[str, Entries], until: int
) -> tuple[list[tuple[int, str, dict[str, str]]], int]:
    """Entries in the order of their numbers, with the number up to which none is missing."""
    merged = []
    for stream, entries in found.items():
        numbered = [(int(key.partition("-")[0]), stream, fields) for key, fields in entries]
        merged += numbered
        if len(numbered) == READ_AT_ONCE:
            until = min(until, numbered[-1][0])
    return sorted(entry for entry in merged if entry[0] <= until), until
