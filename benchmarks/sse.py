"""Server-sent events: what a delivery, a connection that waits and a publication beside it cost."""

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
BESIDE = Metric(
    "CPU per event that nobody gets, beside the idle, times that without", 2, less_is_better=True
)

SUBSCRIBERS = 200
IDLE_SUBSCRIBERS = 5000
# Of the peers, which take minutes to greet more.
IDLE_SUBSCRIBERS_OF_PEERS = 500
EVENTS_FOR_NOBODY = 500
WARM_UP_SUBSCRIBERS = 10
EVENTS = 150
EVENTS_PER_SECOND = 200
SETTLE_SECONDS = 0.5
LIMITS = ("STREAMING_MAX_STREAMS", "STREAMING_MAX_STREAMS_PER_ADDRESS")

DATA = json.dumps({"id": 1, "sensor": "sensor-001", "site": "Lyon", "value": 21.5}).encode()

OWN = "FastAPI, EventSourceResponse"
SSE_STARLETTE = "sse-starlette"
SERVICE = "service, /events"
ONE_BY_ONE = "service, /events, nothing gathered"


def groups(workplace: Workplace) -> list[Group]:
    subscribers, idle = workplace.scaled(SUBSCRIBERS), workplace.scaled(IDLE_SUBSCRIBERS)
    idle_of_peers = workplace.scaled(IDLE_SUBSCRIBERS_OF_PEERS)
    events = workplace.scaled(EVENTS)

    def peer(name: str, app: str, path: str, **more: str) -> Peer:
        def measure() -> Sample:
            limits = dict.fromkeys(LIMITS, str(2 * IDLE_SUBSCRIBERS))
            count = idle if "service" in app else idle_of_peers
            with uvicorn(app, {**workplace.settings, **limits, **more}) as server:
                return asyncio.run(measure_events(server, path, subscribers, count, events))

        return Peer(name, measure)

    return [
        Group(
            "Server-sent events",
            f"{events} events of {len(DATA)} bytes to {subscribers} subscribers, at most "
            f"{EVENTS_PER_SECOND} events/s, each published by a request of its own; "
            f"{idle} idle connections, {idle_of_peers} of the peers.",
            (CPU, SPEED, IDLE, BESIDE),
            (
                peer(OWN, "benchmarks.peers.sse:app", "/fastapi"),
                peer(SSE_STARLETTE, "benchmarks.peers.sse:app", "/sse-starlette"),
                peer(SERVICE, "my_service.main:app", "/events/bench"),
                peer(
                    ONE_BY_ONE, "my_service.main:app", "/events/bench", SSE_GATHER_MILLISECONDS="0"
                ),
            ),
            (
                Ratio(CPU, SERVICE, OWN, 10),
                Ratio(CPU, ONE_BY_ONE, OWN, 5),
                Ratio(CPU, SERVICE, SSE_STARLETTE),
                Ratio(IDLE, SERVICE, OWN),
            ),
            (Limit(IDLE, SERVICE, 15), Limit(BESIDE, SERVICE, 1.2)),
        )
    ]


async def measure_events(
    server: Server, path: str, subscribers: int, idle: int, events: int
) -> Sample:
    async with Publisher(server, path) as publisher:
        memory, beside = await measure_idle(server, path, publisher, idle)
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
    sample = {CPU: cpu / deliveries * 1e6, SPEED: deliveries / seconds, IDLE: memory / 1024}
    return {**sample, BESIDE: beside} if beside else sample


async def measure_idle(
    server: Server, path: str, publisher: Publisher, count: int
) -> tuple[float, float | None]:
    """What `count` connections that wait for events cost.

    Bytes of resident memory for each, and how much more it takes to publish what none of them gets
    (the peers have no topics).
    """
    warm_up = await subscribe(server, path, WARM_UP_SUBSCRIBERS)
    await greet(publisher, warm_up)
    alone = await measure_for_nobody(server, path)
    before = server.process.memory_info().rss
    idle = await subscribe(server, path, count)
    await greet(publisher, idle)
    await asyncio.sleep(SETTLE_SECONDS)
    grown = server.process.memory_info().rss - before
    beside = await measure_for_nobody(server, path)
    for subscriber in (*warm_up, *idle):
        subscriber.close()
    await asyncio.sleep(SETTLE_SECONDS)
    return grown / count, beside / alone if alone and beside else None


async def measure_for_nobody(server: Server, path: str) -> float | None:
    """CPU seconds of events for a topic without subscribers."""
    if not path.startswith("/events/"):
        return None
    async with Publisher(server, f"{path}-quiet") as publisher:
        cpu = cpu_seconds(server.process)
        for _ in range(EVENTS_FOR_NOBODY):
            await publisher.publish(DATA)
        return cpu_seconds(server.process) - cpu


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
