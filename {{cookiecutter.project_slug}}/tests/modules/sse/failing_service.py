"""The service with event streams that break off; the tests behind nginx serve it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import Request

from {{ cookiecutter.package_name }}.main import app
from {{ cookiecutter.package_name }}.modules.sse import (
    event_log,
    router,
)

__all__ = ["app"]


class BreaksOff:
    """A log whose subscriptions fail behind their third list of events."""

    def __init__(self, log: event_log.EventLog) -> None:
        self._log = log

    async def subscribe(
        self, topic: str, after: event_log.EventId | None
    ) -> AsyncGenerator[list[event_log.Event] | event_log.Gap, None]:
        async with aclosing(self._log.subscribe(topic, after)) as events:
            for _ in range(3):
                yield await anext(events)
        raise RuntimeError("the subscription has failed")


def breaking_log(request: Request) -> BreaksOff:
    return BreaksOff(router.event_log(request))


app.dependency_overrides[router.event_log] = breaking_log
