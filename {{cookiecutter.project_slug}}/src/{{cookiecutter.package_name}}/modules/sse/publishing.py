from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from ...streaming.shutdown import drain
from ...streaming.supervision import keep_running
from .event_log import EventLog
from .settings import SseSettings
from .source import feed


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[dict[str, EventLog], None]:
    """Publish the feed to a log for as long as the service runs; draining ends the log."""
    log = EventLog(SseSettings().log_bytes)

    async def publish() -> None:
        async for event in feed():
            log.append(event.topic, event.data)

    stop_waiting = drain.call(log.close)
    try:
        async with keep_running("feed", publish):
            yield {"event_log": log}
    finally:
        stop_waiting()
