import json
from collections.abc import AsyncIterable
from random import randint
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Path, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, JsonValue

from .event_log import EventId, EventLog, Gap
from .publishing import lifespan
from .settings import SseSettings

router = APIRouter(prefix="/events", tags=["sse"], lifespan=lifespan)

Topic = Annotated[
    str, Path(description="Name of the topic.", pattern=r"^[\w.-]{1,64}$", examples=["readings"])
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


@router.get("/{topic}", response_class=EventSourceResponse)
async def subscribe(
    topic: Topic, log: Log, after: Annotated[EventId | None, Depends(resume_after)]
) -> AsyncIterable[ServerSentEvent]:
    """Stream the events of a topic, from behind `Last-Event-ID` on.

    An event named `gap` says that events were lost: the log does not reach back so far.
    """
    async for event in log.subscribe(topic, after):
        if isinstance(event, Gap):
            lost = {"after": str(event.after), "resumed_after": str(event.resumed_after)}
            yield ServerSentEvent(event="gap", data=lost, id=str(event.resumed_after))
        else:
            yield ServerSentEvent(raw_data=event.data, id=str(event.id))
    # Clients of a process that ends come back spread over time, not all at once.
    yield ServerSentEvent(retry=randint(0, SseSettings().retry_milliseconds))  # noqa: S311


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
