import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from random import randint
from typing import Any

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from ...streaming.delivery import count_records
from .event_log import EventId, EventLog, Gap
from .settings import SseSettings

CONNECTED = format_sse_event(comment="connected")


async def stream_events(
    log: EventLog, topic: str, after: EventId | None
) -> AsyncGenerator[bytes, None]:
    """The events of a topic as they are on the wire (WHATWG HTML, section 9.2.5).

    The first bytes are a comment, so that a subscriber of a quiet topic knows at once that it is
    connected; another comes in each pause of 15 seconds.
    """
    yield CONNECTED
    async with aclosing(log.subscribe(topic, after)) as subscription:
        async for events in subscription:
            if isinstance(events, Gap):
                yield encode_gap(events)
            else:
                yield b"".join(event.encoded for event in events) or KEEPALIVE_COMMENT
                count_records(len(events))
    # Clients of a process that ends come back spread over time, not all at once.
    yield format_sse_event(retry=randint(0, SseSettings().retry_milliseconds))  # noqa: S311


def encode_gap(gap: Gap) -> bytes:
    lost = {"after": str(gap.after), "resumed_after": str(gap.resumed_after)}
    return format_sse_event(event="gap", data_str=json.dumps(lost), id=str(gap.resumed_after))


def describe_events() -> dict[str, Any]:
    """The 200 of OpenAPI, which describes an event stream by the schema of an event."""
    event = {
        "type": "object",
        "required": ["id", "data"],
        "properties": {
            "id": {"type": "string"},
            "event": {"type": "string", "enum": ["message", "gap"]},
            "data": {"type": "string", "contentMediaType": "application/json"},
            "retry": {"type": "integer", "minimum": 0},
        },
    }
    content = {"text/event-stream": {"itemSchema": event}}
    return {"description": "The events, without an end", "content": content}
