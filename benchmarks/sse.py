"""Server-sent events: what a delivery, a connection that waits and a publication beside it cost."""

import asyncio
import json
import resource
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from statistics import quantiles
from typing import NamedTuple

import psutil

from .comparison import Group, Limit, Metric, Peer, Ratio, Sample
from .servers import Server, redis, uvicorn
from .subscribers import Publisher, Subscriber, TimedSubscriber, greet, subscribe, wait_until
from .workplace import Workplace

CPU = Metric("CPU per delivery, µs", 1, less_is_better=True)
SPEED = Metric("deliveries/s")
BURST = Metric("CPU per delivery of a burst, µs", 2, less_is_better=True)
IDLE = Metric("memory per idle connection, KiB", 1, less_is_better=True)
BESIDE = Metric(
    "CPU per event that nobody gets, beside the idle, times that without", 2, less_is_better=True
)
DELAY = Metric("from publishing to the last 1 %, ms", less_is_better=True)
CPU_SHARE = Metric("CPU, % of a core", less_is_better=True)

SUBSCRIBERS = 200
IDLE_SUBSCRIBERS = 5000
# Of the peers, which take minutes to greet more.
IDLE_SUBSCRIBERS_OF_PEERS = 500
EVENTS_FOR_NOBODY = 500
WARM_UP_SUBSCRIBERS = 10
EVENTS = 150
EVENTS_PER_SECOND = 200
BURST_EVENTS = 500
BURSTS = 4
CROWD = 10_000
CROWD_EVENTS = 20
SETTLE_SECONDS = 0.5
LIMITS = ("STREAMING_MAX_STREAMS", "STREAMING_MAX_STREAMS_PER_ADDRESS")

DATA = json.dumps({"id": 1, "sensor": "sensor-001", "site": "Lyon", "value": 21.5}).encode()

APP, PATH = "my_service.main:app", "/events/bench"
OWN = "FastAPI, EventSourceResponse"
SSE_STARLETTE = "sse-starlette"
SERVICE = "service, /events"
ONE_BY_ONE = "service, /events, nothing gathered"
WITH_REDIS = "service, /events, with Redis"


def groups(workplace: Workplace) -> list[Group]:
    allow_many_connections()
    return [delivery(workplace), crowd(workplace)]


def allow_many_connections() -> None:
    """For this process and the servers that it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Load(NamedTuple):
    """`idle` are subscribers that only wait, before the others come."""

    subscribers: int
    idle: int
    events: int
    burst: int


def delivery(workplace: Workplace) -> Group:
    load = Load(*map(workplace.scaled, (SUBSCRIBERS, IDLE_SUBSCRIBERS, EVENTS, BURST_EVENTS)))
    idle_of_peers = workplace.scaled(IDLE_SUBSCRIBERS_OF_PEERS)

    def peer(name: str, app: str, path: str, **settings: str) -> Peer:
        own_load = load if app == APP else load._replace(idle=idle_of_peers)

        def measure() -> Sample:
            with ExitStack() as stack:
                broker = {}
                if name == WITH_REDIS:
                    broker["SSE_BROKER_URL"] = stack.enter_context(redis())
                server = stack.enter_context(serve(workplace, app, **settings, **broker))
                return asyncio.run(measure_events(server, path, own_load))

        return Peer(name, measure)

    return Group(
        "Server-sent events",
        f"{load.events} events of {len(DATA)} bytes to {load.subscribers} subscribers, at most "
        f"{EVENTS_PER_SECOND} events/s, each published by a request of its own; a burst is "
        f"{load.burst} that one request publishes; {load.idle} idle connections, {idle_of_peers} of "
        "the peers. "
        "Subscribers accept compression, as browsers do.",
        (CPU, BURST, SPEED, IDLE, BESIDE),
        (
            peer(OWN, "benchmarks.peers.sse:app", "/fastapi"),
            peer(SSE_STARLETTE, "benchmarks.peers.sse:app", "/sse-starlette"),
            peer(SERVICE, APP, PATH),
            peer(ONE_BY_ONE, APP, PATH, SSE_GATHER_MILLISECONDS="0"),
            peer(WITH_REDIS, APP, PATH),
        ),
        (
            Ratio(CPU, SERVICE, OWN, 10),
            Ratio(CPU, ONE_BY_ONE, OWN, 5),
            Ratio(CPU, WITH_REDIS, OWN, 6),
            Ratio(BURST, SERVICE, OWN, 100),
            Ratio(CPU, SERVICE, SSE_STARLETTE),
            Ratio(IDLE, SERVICE, OWN),
        ),
        (Limit(IDLE, SERVICE, 15), Limit(BESIDE, SERVICE, 1.2)),
    )


def crowd(workplace: Workplace) -> Group:
    count = workplace.scaled(CROWD)

    def measure() -> Sample:
        with serve(workplace, APP) as server:
            return asyncio.run(measure_crowd(server, count))

    return Group(
        "Server-sent events to a crowd",
        f"{CROWD_EVENTS} events, one in each second, to {count:,} subscribers of this process; "
        "the delay is that of 99 % of all deliveries.",
        (DELAY, CPU_SHARE),
        (Peer(SERVICE, measure),),
        limits=(Limit(DELAY, SERVICE, 1000),),
    )


def serve(workplace: Workplace, app: str, **more: str) -> AbstractContextManager[Server]:
    limits = dict.fromkeys(LIMITS, str(2 * CROWD))
    return uvicorn(app, {**workplace.settings, **limits, **more})


async def measure_events(server: Server, path: str, load: Load) -> Sample:
    async with Publisher(server, path) as publisher:
        memory, beside = await measure_idle(server, path, publisher, load.idle)
        listening = await subscribe(server, path, load.subscribers, Subscriber)
        await greet(publisher, listening)
        await asyncio.sleep(SETTLE_SECONDS)

        before = [each.events for each in listening]
        cpu, begin = cpu_seconds(server.process), time.monotonic()
        await publisher.publish_steadily(DATA, load.events, EVENTS_PER_SECOND)
        await received(listening, before, load.events)
        seconds, cpu = time.monotonic() - begin, cpu_seconds(server.process) - cpu

        burst_cpu = cpu_seconds(server.process)
        for number in range(1, BURSTS + 1):
            await publisher.publish(b"\n".join([DATA] * load.burst), "application/jsonl")
            await received(listening, before, load.events + number * load.burst)
        burst_cpu = cpu_seconds(server.process) - burst_cpu
    deliveries = load.events * load.subscribers
    sample = {
        CPU: cpu / deliveries * 1e6,
        BURST: burst_cpu / (BURSTS * load.burst * load.subscribers) * 1e6,
        SPEED: deliveries / seconds,
        IDLE: memory / 1024,
    }
    return {**sample, BESIDE: beside} if beside else sample


async def received(subscribers: Sequence[Subscriber], before: Sequence[int], events: int) -> None:
    await wait_until(
        lambda: all(
            each.events >= count + events for each, count in zip(subscribers, before, strict=True)
        )
    )


async def measure_crowd(server: Server, count: int) -> Sample:
    async with Publisher(server, PATH) as publisher:
        subscribers = await subscribe(server, PATH, count, TimedSubscriber)
        await greet(publisher, subscribers)
        await asyncio.sleep(SETTLE_SECONDS)
        before = [each.events for each in subscribers]
        cpu, begin = cpu_seconds(server.process), time.monotonic()
        for number in range(CROWD_EVENTS):
            await asyncio.sleep(begin + number - time.monotonic())
            await publisher.publish(str(time.monotonic()).encode())
        await received(subscribers, before, CROWD_EVENTS)
        cpu, seconds = cpu_seconds(server.process) - cpu, time.monotonic() - begin
    delays = [delay for each in subscribers for delay in each.seconds]
    return {DELAY: quantiles(delays, n=100)[-1] * 1000, CPU_SHARE: 100 * cpu / seconds}


async def measure_idle(
    server: Server, path: str, publisher: Publisher, count: int
) -> tuple[float, float | None]:
    """What `count` connections that wait for events cost.

    Bytes of resident memory for each, and how much more it takes to publish what none of them gets
    (the peers have no topics).
    """
    warm_up = await subscribe(server, path, WARM_UP_SUBSCRIBERS, Subscriber)
    await greet(publisher, warm_up)
    alone = await measure_for_nobody(server, path)
    before = server.process.memory_info().rss
    idle = await subscribe(server, path, count, Subscriber)
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
