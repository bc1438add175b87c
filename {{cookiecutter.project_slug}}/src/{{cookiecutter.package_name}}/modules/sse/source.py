"""The events that the service itself publishes: put your own feed here."""

from collections.abc import AsyncGenerator
from typing import Any

from ...demo.readings import Reading
from ...demo.sse import live_readings
from .event import MESSAGE, FeedEvent

# The events of each topic: what a client takes for the name (`message` is for those without one)
# and for the data. They are checked when they are published, and OpenAPI describes them.
TOPICS: dict[str, dict[str, Any]] = {"readings": {MESSAGE: Reading}}
# Of localized events. The first is for clients that accept none of them.
LANGUAGES = ("en",)


async def feed() -> AsyncGenerator[FeedEvent, None]:
    """Yield what is to be published, for as long as the service runs."""
    async for reading in live_readings():
        yield FeedEvent("readings", reading)
