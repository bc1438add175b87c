"""One subscriber's place among the events, and how it gets on from there."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from random import randint
from typing import NamedTuple

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from ...streaming.detached import DetachedStream
from ...streaming.turns import take_turn
from .broker import Broker
from .channel import Page
from .event import GAP, EventId
from .fan_out import FanOut
from .settings import sse_settings

# Browsers have three to five by themselves.
RETRY_MILLISECONDS = 3000
SHORTEST_RETRY_MILLISECONDS = 1000
HEARTBEAT = Page(0, KEEPALIVE_COMMENT, 0, 0)


def come_back() -> bytes:
    """Last words: another time to come back for each client, so that they come one by one."""
    longest = max(SHORTEST_RETRY_MILLISECONDS, sse_settings().retry_milliseconds)
    return format_sse_event(retry=randint(SHORTEST_RETRY_MILLISECONDS, longest))  # noqa: S311


class Asked(NamedTuple):
    """What a subscriber asks for: all behind the event with an id or, without, from some place."""

    topics: tuple[str, ...]
    language: str
    last_id: str
    at_beginning: bool


class Subscriber:
    """Reads what it has not got, from the log and, where that has it no more, from the broker.

    When it has read all, and its stream can be written to directly, it goes live: its channel
    writes to it until more than 64 KiB are unsent.
    """

    __slots__ = ("_broker", "_bytes", "_epoch", "_fan_out", "_last", "_records", "_stream")
    __slots__ += ("_task", "_told", "channel", "is_live", "position", "write")

    _stream: DetachedStream  # once it was live

    def __init__(self, fan_out: FanOut, broker: Broker, asked: Asked) -> None:
        self.channel = fan_out.enter(asked.topics, asked.language)
        self.is_live = False
        self._fan_out = fan_out
        self._broker = broker
        self._task: asyncio.Task[None] | None = None
        # Up to this number, what is lost has been told.
        self._told = 0

    async def begin(self, asked: Asked) -> bytes:
        """Find the place; returns the first bytes of the stream.

        Whoever has no id yet gets one at once, to come back with to a quiet topic.
        """
        await self._broker.follow(self.channel.topics)
        self.channel.settle()
        log, last = self._fan_out.log, EventId.parse(asked.last_id)
        self._last, self._epoch, self.position = last, log.epoch, log.newest
        if asked.last_id:
            is_ours = last is not None and last.epoch == log.epoch and last.number <= log.newest
            self._epoch, self.position = last if last and is_ours else ("", 0)
        elif asked.at_beginning:
            floors = (await self._broker.read(self.channel.topics, 0, 0)).floors.values()
            self.position, self._told = min(floors), max(floors)
        own_id = None if asked.last_id else str(EventId(log.epoch, self.position))
        return format_sse_event(comment="connected", retry=RETRY_MILLISECONDS, id=own_id)

    async def read(self) -> Page | None:
        """What comes next; `None`, without waiting, when all there is has been read."""
        channel = self.channel
        is_ours = self._epoch == self._fan_out.log.epoch
        if is_ours and self.position == channel.position:
            return None
        await take_turn()
        if channel.begin > channel.position:
            channel.settle()
        if not is_ours or self.position < channel.begin:
            return await self._read_past()
        page = channel.read(self.position)
        self.position = page.number
        return page

    async def _read_past(self) -> Page:
        """What the log has not, from the broker; what that has not is a gap."""
        channel, log = self.channel, self._fan_out.log
        # Numbers go on over epochs; whoever begins with an id of none of ours has position 0.
        after, is_ours = self.position, self._epoch == log.epoch
        past = await self._broker.read(channel.topics, after, channel.begin)
        known = max(after, self._told) if is_ours else -1
        lost = [topic for topic in channel.topics if past.floors[topic] > known]
        data = channel.encode(past.events)
        if lost:
            resumed_after = EventId(log.epoch, min(max(after, n) for n in past.floors.values()))
            last = EventId(self._epoch, after) if self._epoch else self._last
            data = encode_gap(lost, last, resumed_after) + data
            self._told = max(past.floors.values())
        self._epoch, self.position = log.epoch, past.through
        return Page(after, data, past.through, len(past.events))

    async def follow(
        self, send: Callable[[Page], Awaitable[None]], go_live: Callable[[], bool]
    ) -> bool:
        """Send what there is and what comes, until the subscriber is live or, `False`, all ends."""
        while True:
            while (page := await self.read()) is not None:
                await send(page)
            if self._fan_out.is_closed:
                return False
            if go_live():
                return True
            if not await self.channel.wait(sse_settings().heartbeat_seconds):
                await send(HEARTBEAT)

    def go_live(self, stream: DetachedStream) -> None:
        """Be written to by the channel; `read` has returned `None`."""
        self._stream = stream
        self.write = stream.write
        stream.on_full, stream.on_left = self.fall_behind, self._leave_stream
        self._join()

    def fall_behind(self) -> None:
        """Read again, because the stream is full, or the log no longer has what comes next."""
        if self.is_live:
            self._part()
            self._task = asyncio.create_task(self._catch_up())

    def end(self) -> None:
        self._stream.end(come_back())

    def leave(self) -> None:
        self._fan_out.leave(self.channel)

    async def _catch_up(self) -> None:
        await self._stream.wait()
        is_live = await self.follow(self._send, self._join)
        self._task = None
        if not is_live:
            self.end()

    async def _send(self, page: Page) -> None:
        await self._stream.send(page.data)
        self._stream.figures.count_records(page.count)

    def _join(self) -> bool:
        self.is_live = True
        self.channel.live.add(self)
        self._bytes, self._records = self.channel.bytes, self.channel.count
        return True

    def _part(self) -> None:
        self.is_live = False
        channel = self.channel
        channel.live.discard(self)
        self._stream.figures.add_shared(channel.bytes - self._bytes, channel.count - self._records)

    def _leave_stream(self) -> None:
        if self.is_live:
            self._part()
        if self._task is not None:
            self._task.cancel()
        self.leave()


def encode_gap(topics: list[str], last: EventId | None, resumed_after: EventId) -> bytes:
    """Events of these topics are lost, between what the client had last and where it goes on."""
    after = None if last is None else str(last)
    lost = {"topics": topics, "after": after, "resumed_after": str(resumed_after)}
    return format_sse_event(
        event=GAP, data_str=json.dumps(lost, ensure_ascii=False), id=str(resumed_after)
    )
