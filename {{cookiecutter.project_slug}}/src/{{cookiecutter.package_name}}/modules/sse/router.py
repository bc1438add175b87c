import json
from typing import Annotated

from fastapi import Body, Depends, Header, HTTPException, Path, Request
from pydantic import BaseModel, JsonValue

from ...streaming.responses import EventStreamResponse
from ...streaming.routing import ProblemRouter
from .event_log import EventId, EventLog
from .event_stream import describe_events, stream_events
from .publishing import lifespan

router = ProblemRouter(prefix="/events", tags=["sse"], lifespan=lifespan)

# A pattern with `{1,64}` would take 4 MiB of each process once it is compiled.
Topic = Annotated[
    str,
    Path(
        description="Name of the topic.",
        pattern=r"^[\w.-]+$",
        max_length=64,
        examples=["readings"],
    ),
]


def event_log(request: Request) -> EventLog:
    return request.state.event_log


def resume_after(last_event_id: Annotated[str | None, Header()] = None) -> EventId | None:
    """What a client that reconnects has seen last (WHATWG HTML, section 9.2.4)."""
    if not last_event_id:
        return None
    try:
        return EventId.parse(last_event_id)
    except ValueError as error:
        raise HTTPException(422, f"Last-Event-ID: {error}.") from error


Log = Annotated[EventLog, Depends(event_log)]


@router.get("/{topic}", response_class=EventStreamResponse, responses={200: describe_events()})
async def subscribe(
    topic: Topic, log: Log, after: Annotated[EventId | None, Depends(resume_after)]
) -> EventStreamResponse:
    """Stream the events of a topic, from behind `Last-Event-ID` on.

    An event named `gap` says that events were lost: the log does not reach back so far.
    """
    return EventStreamResponse(stream_events(log, topic, after))


class Published(BaseModel):
    id: str


@router.post("/{topic}", status_code=202)
async def publish(topic: Topic, log: Log, data: Annotated[JsonValue, Body()]) -> Published:
    """Publish a JSON value to a topic."""
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except ValueError as error:
        raise HTTPException(422, "The body is not JSON that UTF-8 can carry.") from error
    return Published(id=str(log.append(topic, text)))
