"""The events of this process on their way from a broker to the channels."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from secrets import token_hex

from .channel import Channel
from .event import Event
from .log import EventLog
from .settings import SseSettings

TICK_SECONDS = 1


class FanOut:
    """The log of this process, and who is to be sent what is new in it."""

    def __init__(self, settings: SseSettings) -> None:
        self.log = EventLog(settings, token_hex(4))
        self.is_closed = False
        self._settings = settings
        self._channels: dict[tuple[tuple[str, ...], str], Channel] = {}
        self._by_topic: defaultdict[str, list[Channel]] = defaultdict(list)

    def deliver(self, events: Sequence[Event], newest: int = 0) -> None:
        """Keep and send events, in the order of their numbers.

        `newest` says that of the topics in the log there are no others up to that number.
        """
        touched = set()
        for event in events:
            channels = self._by_topic.get(event.topic, ()) if not self.is_closed else ()
            for channel in channels:
                channel.make_room(event.bytes)
            self.log.append(event)
            touched.update(channels)
        self.log.newest = max(self.log.newest, newest)
        for channel in touched:
            channel.schedule()

    def enter(self, topics: tuple[str, ...], language: str) -> Channel:
        """The channel of a subscriber, which has to `leave` it."""
        channel = self._channels.get((topics, language))
        if channel is None:
            channel = Channel(self.log, topics, language, self._settings)
            self._channels[topics, language] = channel
            for topic in topics:
                self._by_topic[topic].append(channel)
        channel.users += 1
        return channel

    def leave(self, channel: Channel) -> None:
        channel.users -= 1
        if not channel.users:
            del self._channels[channel.topics, channel.language]
            for topic in channel.topics:
                self._by_topic[topic].remove(channel)
                if not self._by_topic[topic]:
                    del self._by_topic[topic]

    def restart(self, epoch: str, newest: int) -> None:
        """Begin a new log, because the broker has lost events; each subscriber is told of a gap."""
        self.log.restart(epoch, newest)
        for channel in self._channels.values():
            channel.restart()

    async def keep_time(self) -> None:
        """One clock for all: heartbeats, and events and topics that are too old."""
        while True:
            await asyncio.sleep(min(TICK_SECONDS, self._settings.heartbeat_seconds / 2))
            self.log.expire(time.time(), self._by_topic)
            for channel in tuple(self._channels.values()):
                channel.beat()
                await asyncio.sleep(0)

    def close(self) -> None:
        """End each stream behind what there is now."""
        self.is_closed = True
        for channel in tuple(self._channels.values()):
            channel.close()
