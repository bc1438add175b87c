"""What is published and what is sent: messages, events, and their ids."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from fastapi.sse import format_sse_event

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
    name: str = ""


class Event(NamedTuple):
    """A message with its place; `encoded` has the lines `data` and `id` for each language."""

    topic: str
    number: int
    published: float  # seconds since 1970
    name: str
    encoded: Mapping[str, bytes]

    @property
    def bytes(self) -> int:
        return sum(map(len, self.encoded.values()))


def make_event(topic: str, event_id: EventId, published: float, message: Message) -> Event:
    """The event, encoded once for whoever is sent it (WHATWG HTML, section 9.2.5)."""
    encoded = {
        language: format_sse_event(data_str=text, id=str(event_id))
        for language, text in message.texts.items()
    }
    return Event(topic, event_id.number, published, message.name, encoded)
