"""The service with event streams that break off; the tests behind nginx serve it."""

from {{ cookiecutter.package_name }}.modules.sse import (
    channel,
    subscriber,
    subscription,
)

from tests.streaming.modules_app import app

__all__ = ["app"]


class BreaksOff(subscriber.Subscriber):
    """A subscriber that fails behind its third page of events."""

    pages = 0

    async def read(self) -> channel.Page | None:
        if self.pages == 3:
            raise RuntimeError("the subscription has failed")
        page = await super().read()
        self.pages += page is not None
        return page


subscription.Subscriber = BreaksOff  # ty: ignore[invalid-assignment]
