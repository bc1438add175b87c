import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from {{ cookiecutter.package_name }}.modules.sse import (
    redis_broker,
)
from {{ cookiecutter.package_name }}.modules.sse.event import Message
from {{ cookiecutter.package_name }}.modules.sse.fan_out import FanOut
from {{ cookiecutter.package_name }}.modules.sse.settings import (
    sse_settings,
)
from {{ cookiecutter.package_name }}.streaming.limits import (
    LimitReached,
)


@asynccontextmanager
async def running_broker(url: str) -> AsyncGenerator[tuple[redis_broker.RedisBroker, FanOut]]:
    fan_out = FanOut(sse_settings())
    broker = redis_broker.RedisBroker(url, fan_out)
    async with broker.run():
        yield broker, fan_out


@asynccontextmanager
async def losing_an_answer(url: str, question: bytes) -> AsyncGenerator[str]:
    """A way to Redis that breaks, once, when the answer to a question comes back."""
    lost = asyncio.Event()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        redis_reader, redis_writer = await asyncio.open_connection("127.0.0.1", port)
        asked = asyncio.Event()

        async def bring_back() -> None:
            while answer := await redis_reader.read(65536):
                if asked.is_set() and not lost.is_set():
                    lost.set()
                    break
                writer.write(answer)
            writer.close()

        answers = asyncio.create_task(bring_back())
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if question in data:
                    asked.set()
                redis_writer.write(data)
        redis_writer.close()
        await answers

    port = int(url.rpartition(":")[2])
    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert lost.is_set()
        server.close()


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def test_an_event_whose_acceptance_is_lost_on_the_way_is_there_once(redis):
    async def test() -> None:
        async with (
            losing_an_answer(redis.url, b"an event") as url,
            running_broker(url) as (broker, fan_out),
        ):
            ids = await broker.publish("lost-answer", [Message({"": '"an event"'})])
            await broker.follow(["other"])
            page = await broker.read(["lost-answer"], 0, fan_out.log.newest)
            assert [event.number for event in page.events] == [event_id.number for event_id in ids]

    run(test)


def test_there_are_no_more_topics_than_may_be(redis, monkeypatch):
    few = sse_settings().model_copy(update={"max_topics": 3})
    monkeypatch.setattr(redis_broker, "sse_settings", lambda: few)

    async def test() -> None:
        redis.ask("FLUSHALL")
        async with running_broker(redis.url) as (broker, _):
            for topic in ("a", "b", "c", "a"):
                await broker.publish(topic, [Message({"": "1"})])
            with pytest.raises(LimitReached):
                await broker.publish("d", [Message({"": "1"})])
            await broker.publish("c", [Message({"": "2"})])

    run(test)


def test_events_are_kept_for_a_time_and_what_went_is_known(redis, monkeypatch):
    short = sse_settings().model_copy(update={"event_seconds": 0.3})
    monkeypatch.setattr(redis_broker, "sse_settings", lambda: short)

    async def test() -> None:
        async with running_broker(redis.url) as (broker, _):
            old, newer = await broker.publish("aging", [Message({"": "1"}), Message({"": "2"})])
            await asyncio.sleep(0.4)
            assert (await broker.read(["aging"], 0, newer.number)).floors == {"aging": newer.number}
            [newest] = await broker.publish("aging", [Message({"": "3"})])
            page = await broker.read(["aging"], old.number, newest.number)
            assert [event.number for event in page.events] == [newest.number]
            assert page.floors == {"aging": newer.number}

    run(test)
