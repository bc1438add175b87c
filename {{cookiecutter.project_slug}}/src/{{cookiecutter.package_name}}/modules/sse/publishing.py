import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from ...streaming.shutdown import drain
from .event_log import EventLog
from .settings import SseSettings
from .source import feed

logger = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[dict[str, EventLog], None]:
    """Publish the feed to a log for as long as the service runs; draining ends the log."""
    log = EventLog(SseSettings().log_bytes)
    drain.call(log.close)
    publisher = asyncio.create_task(publish_feed(log))
    try:
        yield {"event_log": log}
    finally:
        publisher.cancel()
        await asyncio.gather(publisher, return_exceptions=True)


async def publish_feed(log: EventLog) -> None:
    try:
        async for event in feed():
            log.append(event.topic, event.data)
    except Exception:
        logger.exception("The feed has failed; its topics get no more events from it.")
