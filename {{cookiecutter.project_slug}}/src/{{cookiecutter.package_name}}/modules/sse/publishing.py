"""How events are published: by the team's code, by the feed and by HTTP."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing import parent_process
from threading import get_ident
from typing import Any, NamedTuple

from pydantic import RedisDsn, TypeAdapter

from ...streaming.metrics import SHARED_FOLDER
from ...streaming.shutdown import drain
from ...streaming.supervision import keep_running
from .broker import Broker, MemoryBroker
from .event import MESSAGE, NAME, RESERVED, Message
from .fan_out import FanOut
from .settings import sse_settings
from .source import LANGUAGES, TOPICS, feed

EACH_FOR_ITSELF = (
    "SSE_BROKER_URL is not set: where this process is one of several, its subscribers get only "
    "what is published in it (see docs/modules/sse.md)."
)
ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
ADAPTERS = {
    (topic, name): TypeAdapter(model)
    for topic, models in TOPICS.items()
    for name, model in models.items()
}


class Localized(NamedTuple):
    """An event in each of `source.LANGUAGES`, by their tags (RFC 5646)."""

    texts: Mapping[str, Any]


class Events(NamedTuple):
    """What publishers and subscribers of this process share."""

    fan_out: FanOut
    broker: Broker
    loop: asyncio.AbstractEventLoop
    thread: int


logger = logging.getLogger(__name__)
_running: list[Events] = []


async def publish(topic: str, *events: Any, name: str = MESSAGE) -> list[str]:
    """Publish events of one name to a topic, all or none of them; returns their ids.

    Each is what `source.TOPICS` has for the topic and the name, or a `Localized` of such; in other
    topics, anything that Pydantic makes JSON of. Raises `ValueError` for what is not, and
    `HTTPException` 503 when it cannot be kept now.
    """
    messages = [make_message(topic, event, name) for event in events]
    ids = await running().broker.publish(topic, messages) if messages else []
    return [str(event_id) for event_id in ids]


def publish_from_thread(topic: str, *events: Any, name: str = MESSAGE) -> list[str]:
    """The same for code in any thread but that of the event loop, where it is a `RuntimeError`."""
    _, _, loop, thread = running()
    if thread == get_ident():
        raise RuntimeError("The event loop cannot wait for itself: await `publish` there.")
    return asyncio.run_coroutine_threadsafe(publish(topic, *events, name=name), loop).result()


def make_message(topic: str, event: Any, name: str) -> Message:
    """What is published for an event. Raises `ValueError`."""
    texts = event.texts if isinstance(event, Localized) else {"": event}
    if isinstance(event, Localized) and texts.keys() != set(LANGUAGES):
        raise ValueError(f"A localized event has just these languages: {', '.join(LANGUAGES)}.")
    if not NAME.fullmatch(topic):
        raise ValueError(f"A topic cannot have the name {topic!r}.")
    if not NAME.fullmatch(name) or name in RESERVED:
        raise ValueError(f"An event cannot have the name {name!r}.")
    adapter = ADAPTERS.get((topic, name), ANYTHING)
    if adapter is ANYTHING and topic in TOPICS:
        raise ValueError(f"{topic!r} has no events with the name {name!r}.")
    return Message({tag: _to_json(adapter, text) for tag, text in texts.items()}, name)


def _to_json(adapter: TypeAdapter[Any], value: Any) -> str:
    return adapter.dump_json(adapter.validate_python(value)).decode()


def running() -> Events:
    """Raises `RuntimeError` before the service has started, and after its end."""
    if not _running:
        raise RuntimeError("Events can be published only while the service runs.")
    return _running[-1]


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[None, None]:
    """Publish the feed for as long as the service runs; draining ends the streams."""
    fan_out = FanOut(sse_settings())
    broker = make_broker(sse_settings().broker_url, fan_out)
    stop_waiting = drain.call(fan_out.close)
    _running.append(Events(fan_out, broker, asyncio.get_running_loop(), get_ident()))
    try:
        async with (
            broker.run(),
            keep_running("events", fan_out.keep_time),
            keep_running("feed", partial(broker.run_once, publish_feed)),
        ):
            yield
    finally:
        _running.pop()
        stop_waiting()


def make_broker(url: RedisDsn | None, fan_out: FanOut) -> Broker:
    if url:
        from .redis_broker import RedisBroker  # noqa: PLC0415 - few need it

        return RedisBroker(str(url), fan_out)
    if parent_process() or SHARED_FOLDER in os.environ:
        logger.warning(EACH_FOR_ITSELF)
    return MemoryBroker(fan_out)


async def publish_feed() -> None:
    async for event in feed():
        await publish(event.topic, event.data, name=event.name)
