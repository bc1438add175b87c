"""What is published and what is sent: messages, events, and their ids."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fastapi.sse import format_sse_event

# The name of events that are published without one, as in browsers.
MESSAGE = "message"
# That of the event which tells that others are lost.
GAP = "gap"
# Names that mean something else to whoever reads the stream: ours, and those of `EventSource`.
RESERVED = {GAP, "open", "error"}
# What topics and events may be called: no dot comes first, so none is `.` or `..`.
NAME = re.compile(r"[\w-][\w.-]{0,63}")
# What an event takes in memory beside its bytes: a tuple, a dict, numbers.
OVERHEAD_BYTES = 500
EVENT_ID = re.compile(r"([0-9a-f]{8})-([0-9]{1,18})", re.ASCII)


class EventId(NamedTuple):
    """Numbers count up over all topics, so that one id resumes a stream of several.

    They are of one `epoch`: another one begins where numbers could come twice, as after data was
    lost.
    """

    epoch: str
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> "EventId | None":
        """`None` for what is no event id."""
        found = EVENT_ID.fullmatch(text)
        return cls(found[1], int(found[2])) if found else None


class Message(NamedTuple):
    """What is published: the JSON text for each language, the first for whoever has none of them.

    Where the text is the same for all, its language is `""`.
    """

    texts: Mapping[str, str]
    name: str = MESSAGE


class FeedEvent(NamedTuple):
    """What `source.feed` yields: the arguments of `publish`."""

    topic: str
    data: Any
    name: str = MESSAGE


class Event(NamedTuple):
    """A message with its place; `encoded` has the lines `data` and `id` for each language."""

    topic: str
    number: int
    published: float  # seconds since 1970
    name: str
    encoded: Mapping[str, bytes]

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return sum(map(len, self.encoded.values())) + OVERHEAD_BYTES


def encode(events: Iterable[Event], language: str, *, names_topic: bool) -> bytes:
    """The events as a stream in a language has them.

    In a stream of several topics the name of an event is `topic/name`, or `topic` where it has no
    name and that of the topic means nothing else.
    """
    lines: list[bytes] = []
    for event in events:
        name = event.name
        if names_topic:
            is_plain = name == MESSAGE and event.topic not in RESERVED
            name = event.topic if is_plain else f"{event.topic}/{name}"
        if name != MESSAGE:
            lines.append(b"event: %b\n" % name.encode())
        texts = event.encoded
        lines.append(texts[language] if language in texts else next(iter(texts.values())))
    return b"".join(lines)


def make_event(topic: str, event_id: EventId, published: float, message: Message) -> Event:
    """The event, encoded once for whoever is sent it (WHATWG HTML, section 9.2.5)."""
    encoded = {
        language: format_sse_event(data_str=text, id=str(event_id))
        for language, text in message.texts.items()
    }
    return Event(topic, event_id.number, published, message.name, encoded)
