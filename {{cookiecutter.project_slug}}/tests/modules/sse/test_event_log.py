import asyncio

from {{ cookiecutter.package_name }}.modules.sse import (
    event_log,
)


def data_of(event: event_log.Event) -> str:
    [line] = [line for line in event.encoded.decode().split("\n") if line.startswith("data: ")]
    return line.removeprefix("data: ")


def resume(log: event_log.EventLog, number: int) -> list[str]:
    """The data that a subscriber gets who has seen the event with this number last."""

    async def read() -> list[str]:
        log.close()
        found: list[str] = []
        async for events in log.subscribe("topic", event_log.EventId(log.run, number)):
            found += ["gap"] if isinstance(events, event_log.Gap) else map(data_of, events)
        return found

    return asyncio.run(read())


def test_the_limit_is_in_bytes():
    event = "data: 東\nid: 0a1b2c3d-1\n\n".encode()
    log = event_log.EventLog(max_bytes=3 * (event_log.EVENT_OVERHEAD_BYTES + len(event)))
    for data in ("東", "京", "都", "庁"):
        log.append("topic", data)
    assert resume(log, 0) == ["gap", "京", "都", "庁"]


def test_the_newest_event_is_kept_however_large_it_is():
    log = event_log.EventLog(max_bytes=1)
    log.append("topic", "larger than that")
    assert resume(log, 0) == ["larger than that"]


def test_an_id_from_the_future_is_a_gap():
    log = event_log.EventLog(max_bytes=1000)
    log.append("topic", "only")
    assert resume(log, 7) == ["gap", "only"]


def test_a_closed_log_ends_subscriptions_however_fast_it_is_fed():
    async def read() -> list[str]:
        log = event_log.EventLog(max_bytes=10_000)
        log.append("topic", "before")
        log.close()
        found: list[str] = []
        async for events in log.subscribe("topic", event_log.EventId(log.run, 0)):
            assert not isinstance(events, event_log.Gap)
            found += map(data_of, events)
            log.append("topic", "after")
            assert len(found) < 10
        return found

    assert asyncio.run(read()) == ["before"]
