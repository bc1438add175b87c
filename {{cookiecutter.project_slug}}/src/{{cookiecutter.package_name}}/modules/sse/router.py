from collections.abc import AsyncIterable
from functools import reduce
from operator import or_
from secrets import compare_digest
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from ...streaming.routing import ProblemRoute, ProblemRouter
from .answers import PUBLISHED, SUBSCRIBED
from .event import MESSAGE, Message
from .languages import choose_language
from .publishing import Localized, lifespan, make_message, running
from .settings import sse_settings
from .source import LANGUAGES, TOPICS
from .subscriber import Asked
from .subscription import Subscription

MEDIA_TYPES = JSON, JSON_LINES = "application/json", "application/jsonl"
MOST_TOPICS = 20
MOST_EVENTS = 1000


class EventsRoute(ProblemRoute):
    """Open to pages of the origins in `SSE_ALLOW_ORIGINS`, with their cookies."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        origins = sse_settings().allow_origins
        if not origins:
            await super().handle(scope, receive, send)
            return
        await CORSMiddleware(
            super().handle,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Last-Event-ID"),
            allow_credentials=True,
        )(scope, receive, send)


router = ProblemRouter(prefix="/events", tags=["sse"], lifespan=lifespan)
router.route_class = EventsRoute

# A pattern with `{0,63}` would take 4 MiB of each process once Pydantic has compiled it.
TOPIC: dict[str, Any] = {"pattern": r"^[\w-][\w.-]*$", "max_length": 64}
Topic = Annotated[str, Path(description="Name of the topic.", examples=["readings"], **TOPIC)]
LastEventId = Annotated[str | None, Header(description="Resume behind this event.")]
AcceptLanguage = Annotated[str, Header(description="Of localized events, these are preferred.")]


class Place(BaseModel):
    """Where a stream begins."""

    model_config = ConfigDict(extra="forbid")

    last_event_id: Annotated[
        str | None, Field(description="Resume behind this event, unless a header says another.")
    ] = None
    begin: Annotated[
        Literal["beginning", "now"],
        Field(alias="from", description="Where to begin without an id: with the oldest event?"),
    ] = "now"


class PlaceInTopics(Place):
    topic: Annotated[
        list[Annotated[str, Field(**TOPIC)]],
        Field(description="Name of a topic.", min_length=1, max_length=MOST_TOPICS),
    ]


# The data of any event that the service has a model for; a `Union` of no types is none.
MODELS = [model for models in TOPICS.values() for model in models.values()]
EventData = reduce(or_, MODELS) if MODELS else Any
STREAM: dict[str, Any] = {
    "response_class": Subscription,
    "response_model": None,
    "status_code": 200,
    "responses": SUBSCRIBED,
    # A page that shows answers would wait for the end of it.
    "openapi_extra": {"x-endless": True},
}


@router.get("/{topic}", **STREAM)
async def subscribe(
    topic: Topic,
    place: Annotated[Place, Query()],
    last_event_id: LastEventId = None,
    accept_language: AcceptLanguage = "",
) -> AsyncIterable[EventData]:  # ty: ignore[invalid-type-form]
    """Stream the events of a topic, from behind `Last-Event-ID` on.

    An event named `gap` says that events were lost: they are not kept any more.
    """
    return _subscribe([topic], place, last_event_id, accept_language)


@router.get("", **STREAM)
async def subscribe_to_several(
    place: Annotated[PlaceInTopics, Query()],
    last_event_id: LastEventId = None,
    accept_language: AcceptLanguage = "",
) -> AsyncIterable[EventData]:  # ty: ignore[invalid-type-form]
    """Stream the events of several topics; the id of any of them resumes all.

    The name of each event is its topic, or `topic/name`.
    """
    return _subscribe(place.topic, place, last_event_id, accept_language)


def _subscribe(
    topics: list[str], place: Place, last_event_id: str | None, accept_language: str
) -> Any:
    # A browser that reconnects has the newer id in the header.
    last_id = last_event_id or place.last_event_id or ""
    language = choose_language(accept_language, LANGUAGES)
    each_once = tuple(dict.fromkeys(topics))
    asked = Asked(each_once, language, last_id, at_beginning=place.begin == "beginning")
    return Subscription(running(), asked)


class Publication(BaseModel):
    """How the body of a request is to be read."""

    model_config = ConfigDict(extra="forbid")

    event: Annotated[str, Field(description="Name of the event.", **TOPIC)] = MESSAGE
    localized: Annotated[
        bool, Field(description="The body has a member for each language, with the event in it.")
    ] = False


class Published(BaseModel):
    """The id of the event, and of each when there are several."""

    id: str
    ids: list[str] | None = None


async def may_publish(
    request: Request,
    credentials: Annotated[
        HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))
    ],
) -> None:
    settings = sse_settings()
    token, given = settings.publish_token, credentials.credentials if credentials else ""
    if token and not compare_digest(token.encode(), given.encode()):
        raise HTTPException(401, "Publishing needs a token.", {"WWW-Authenticate": "Bearer"})
    topic, allowed = request.path_params["topic"], settings.publish_topics
    if topic in TOPICS if allowed is None else topic not in allowed:
        raise HTTPException(403, f"The topic {topic!r} is not published to by HTTP.")


@router.post(
    "/{topic}",
    status_code=202,
    response_model_exclude_none=True,
    responses=PUBLISHED,
    dependencies=[Depends(may_publish)],
    openapi_extra={"requestBody": {"required": True, "content": {t: {} for t in MEDIA_TYPES}}},
)
async def publish_by_http(
    topic: Topic, how: Annotated[Publication, Query()], request: Request
) -> Published:
    """Publish a JSON value to a topic, or one in each line of JSON Lines: all of them or none."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise HTTPException(415, f"A body is {' or '.join(MEDIA_TYPES)}.")
    try:
        body = await request.body()
    except ClientDisconnect as error:
        raise HTTPException(400, "The body is not whole.") from error
    lines = [(body, ())]
    if media_type == JSON_LINES:
        lines = [(line, (n,)) for n, line in enumerate(body.splitlines(), 1) if line.strip()]
    if not 1 <= len(lines) <= MOST_EVENTS:
        message = f"It has from 1 to {MOST_EVENTS} events, not {len(lines)}."
        raise RequestValidationError([{"loc": ("body",), "msg": message}])
    messages = [read_message(topic, how, line, number) for line, number in lines]
    ids = [str(event_id) for event_id in await running().broker.publish(topic, messages)]
    return Published(id=ids[-1], ids=ids if media_type == JSON_LINES else None)


def read_message(topic: str, how: Publication, line: bytes, number: tuple[int, ...]) -> Message:
    """The message in a line of a body. Raises `RequestValidationError`."""
    try:
        data = from_json(line, allow_inf_nan=False)
        # `1e999` is read as infinity, which JSON cannot say.
        from_json(to_json(data, inf_nan_mode="constants"), allow_inf_nan=False)
        if how.localized and not isinstance(data, dict):
            raise ValueError("It is no object with a member for each language.")
        return make_message(topic, Localized(data) if how.localized else data, how.event)
    except ValidationError as error:
        errors = [{**each, "loc": ("body", *number, *each["loc"])} for each in error.errors()]
        raise RequestValidationError(errors) from error
    except ValueError as error:
        raise RequestValidationError([{"loc": ("body", *number), "msg": str(error)}]) from error
