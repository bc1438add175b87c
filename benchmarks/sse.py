"""Server-sent events: the cost of a delivery and of a connection that waits."""

import asyncio
import json
import time

import psutil

from .comparison import Group, Limit, Metric, Peer, Ratio, Sample
from .servers import Server, uvicorn
from .subscribers import Publisher, greet, subscribe, wait_until
from .workplace import Workplace

CPU = Metric("CPU per delivery, µs", 1, less_is_better=True)
SPEED = Metric("deliveries/s")
IDLE = Metric("memory per idle connection, KiB", 1, less_is_better=True)

SUBSCRIBERS = 200
IDLE_SUBSCRIBERS = 500
WARM_UP_SUBSCRIBERS = 10
EVENTS = 150
EVENTS_PER_SECOND = 200
SETTLE_SECONDS = 0.5

DATA = json.dumps({"id": 1, "sensor": "sensor-001", "site": "Lyon", "value": 21.5}).encode()

OWN = "FastAPI, EventSourceResponse"
SSE_STARLETTE = "sse-starlette"
SERVICE = "service, /events"


def groups(workplace: Workplace) -> list[Group]:
    subscribers, idle = workplace.scaled(SUBSCRIBERS), workplace.scaled(IDLE_SUBSCRIBERS)
    events = workplace.scaled(EVENTS)

    def peer(name: str, app: str, path: str) -> Peer:
        def measure() -> Sample:
            with uvicorn(app, workplace.settings) as server:
                return asyncio.run(measure_events(server, path, subscribers, idle, events))

        return Peer(name, measure)

    return [
        Group(
            "Server-sent events",
            f"{events} events of {len(DATA)} bytes to {subscribers} subscribers, at most "
            f"{EVENTS_PER_SECOND} events/s, each published by a request of its own; "
            f"{idle} idle connections.",
            (CPU, SPEED, IDLE),
            (
                peer(OWN, "benchmarks.peers.sse:app", "/fastapi"),
                peer(SSE_STARLETTE, "benchmarks.peers.sse:app", "/sse-starlette"),
                peer(SERVICE, "my_service.main:app", "/events/bench"),
            ),
            (
                Ratio(CPU, SERVICE, OWN, 7),
                Ratio(CPU, SERVICE, SSE_STARLETTE),
                Ratio(IDLE, SERVICE, OWN),
            ),
            (Limit(IDLE, SERVICE, 15),),
        )
    ]


async def measure_events(
    server: Server, path: str, subscribers: int, idle: int, events: int
) -> Sample:
    async with Publisher(server, path) as publisher:
        memory = await measure_idle(server, path, publisher, idle)
        listening = await subscribe(server, path, subscribers)
        await greet(publisher, listening)
        await asyncio.sleep(SETTLE_SECONDS)

        for subscriber in listening:
            subscriber.events = 0
        cpu, begin = cpu_seconds(server.process), time.monotonic()
        await publisher.publish_steadily(DATA, events, EVENTS_PER_SECOND)
        await wait_until(lambda: all(each.events >= events for each in listening))
        seconds, cpu = time.monotonic() - begin, cpu_seconds(server.process) - cpu
    deliveries = events * subscribers
    return {CPU: cpu / deliveries * 1e6, SPEED: deliveries / seconds, IDLE: memory / 1024}


async def measure_idle(server: Server, path: str, publisher: Publisher, count: int) -> float:
    """Bytes of resident memory for each of `count` connections that wait for events."""
    warm_up = await subscribe(server, path, WARM_UP_SUBSCRIBERS)
    await greet(publisher, warm_up)
    before = server.process.memory_info().rss
    idle = await subscribe(server, path, count)
    await greet(publisher, idle)
    await asyncio.sleep(SETTLE_SECONDS)
    grown = server.process.memory_info().rss - before
    for subscriber in (*warm_up, *idle):
        subscriber.close()
    await asyncio.sleep(SETTLE_SECONDS)
    return grown / count


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
