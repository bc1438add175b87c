"""The events that the service itself publishes: put your own feed here."""

from collections.abc import AsyncGenerator
from typing import NamedTuple

from ...demo.sse import live_readings


class FeedEvent(NamedTuple):
    topic: str
    data: str  # JSON


async def feed() -> AsyncGenerator[FeedEvent, None]:
    """Yield what is to be published, for as long as the service runs."""
    async for reading in live_readings():
        yield FeedEvent("readings", reading.model_dump_json())
