"""The response to a subscriber: a stream that its endpoint leaves to a channel where it can."""

from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ...streaming import EventStreamResponse, ShuttingDown
from ...streaming.answers import on_the_wire
from ...streaming.delivery import Delivery, end_of_body
from ...streaming.events import describe_event
from ...streaming.responses import send_in_parts
from .channel import Page
from .event import GAP
from .publishing import Events
from .settings import sse_settings
from .source import TOPICS
from .subscriber import Asked, Subscriber, come_back

# A client may come back after these; a browser does so only after a 200 (WHATWG HTML, 9.2.3).
PASSING = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


# As a body has them: what a subscriber gets at once, and what it may get in place of lost events.
RESUMED = ": connected\nretry: 3000\n\ndata: {}\nid: 6d8f3a21-43\n\n"
LOST = (
    'event: gap\ndata: {"topics": ["readings"], "after": "6d8f3a21-42", '
    '"resumed_after": "6d8f3a21-99"}\nid: 6d8f3a21-99\n\n'
)


class Subscription(EventStreamResponse):
    """The events that a subscriber asks for, without an end.

    A refusal that will pass is an event stream with `retry` alone for who accepts nothing else.
    """

    def __init__(self, events: Events, asked: Asked) -> None:
        self._settings = sse_settings()
        directives = "no-store" if self._settings.compress else "no-store, no-transform"
        super().__init__((), headers={"Cache-Control": directives})
        self._events = events
        self._asked = asked

    @classmethod
    def describe(cls, item_schema: dict[str, Any]) -> dict[str, Any]:
        """What OpenAPI says of such a stream, where the data of a gap is no more than an object."""
        described = describe_event(item_schema)
        names = {name for models in TOPICS.values() for name in models}
        described["itemSchema"]["properties"]["event"]["examples"] = sorted({*names, GAP})
        described |= on_the_wire(resumed=RESUMED, lost=LOST)
        return described

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            await self.send_head(send)
            return
        delivery = Delivery(scope, receive, send, endless=True)
        try:
            await delivery.run(partial(self._respond, delivery))
        except HTTPException as refusal:
            is_browser = Headers(scope=scope).get("accept") == self.media_type
            if refusal.status_code not in PASSING or not is_browser:
                raise
            headers = {"Cache-Control": "no-store"}
            response = Response(come_back(), headers=headers, media_type=self.media_type)
            await response(scope, receive, send)

    async def _respond(self, delivery: Delivery, send: Send) -> None:
        fan_out, broker = self._events.fan_out, self._events.broker
        if fan_out.is_closed:
            raise ShuttingDown
        subscriber, is_live = Subscriber(fan_out, broker, self._asked), False

        async def send_page(page: Page) -> None:
            delivery.figures.count_records(page.count)
            await send_in_parts(page.data, send)

        def go_live() -> bool:
            stream = delivery.detach() if self._settings.hand_over else None
            if stream is not None:
                subscriber.go_live(stream)
            return stream is not None

        try:
            first = await subscriber.begin(self._asked)
            await self.start(send)
            await send_in_parts(first, send)
            is_live = await subscriber.follow(send_page, go_live)
            if not is_live:
                await send_in_parts(come_back(), send)
                await send(end_of_body())
        finally:
            if not is_live:
                subscriber.leave()
