"""The service with a feed that fails behind each second event."""

from collections.abc import AsyncGenerator
from itertools import count

from {{ cookiecutter.package_name }}.modules.sse import (
    publishing,
)
from {{ cookiecutter.package_name }}.modules.sse.event import (
    FeedEvent,
)

from tests.streaming.modules_app import app

__all__ = ["app"]

numbers = count()


async def feed() -> AsyncGenerator[FeedEvent]:
    for _ in range(2):
        yield FeedEvent("numbers", next(numbers))
    raise RuntimeError("the feed is down")


publishing.feed = feed  # ty: ignore[invalid-assignment]
