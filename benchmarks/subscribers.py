"""Subscribers that cost this process little: they count events in what their sockets receive."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from typing import Self, TypeVar

from .comparison import Failed
from .servers import Server

WAIT_SECONDS = 120
GREETING_SECONDS = 0.2
DATA = re.compile(rb"data: ([\d.]+)")
MARKER = b"data:"
# As a browser asks.
REQUEST = """\
GET {path} HTTP/1.1\r
Host: 127.0.0.1\r
Accept: text/event-stream\r
Accept-Encoding: gzip, deflate, br, zstd\r
\r
"""


class Subscriber(asyncio.Protocol):
    """One subscription by HTTP/1.1 that counts its events."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._tail = b""
        self.events = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        transport.write(REQUEST.format(path=self._path).encode())

    def data_received(self, data: bytes) -> None:
        # A read may end within a marker; the tail is too short to hold one that was counted.
        seen = self._tail + data
        self.events += seen.count(MARKER)
        self._tail = seen[1 - len(MARKER) :]

    def close(self) -> None:
        self._transport.close()


class TimedSubscriber(Subscriber):
    """One that notes how long events with the time of their publishing as data were on their way."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.seconds: list[float] = []

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self.events += data.count(MARKER)
        self.seconds += [now - float(published) for published in DATA.findall(data)]


SomeSubscriber = TypeVar("SomeSubscriber", bound=Subscriber)


class Publisher:
    """One connection that posts events to a topic, each as a request of its own."""

    def __init__(self, server: Server, path: str) -> None:
        self._server, self._path = server, path

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def _connect(self) -> None:
        address = ("127.0.0.1", self._server.port)
        self._reader, self._writer = await asyncio.open_connection(*address)

    async def __aexit__(self, *error: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def publish(self, data: bytes, media_type: str = "application/json") -> None:
        if self._reader.at_eof():  # the server has waited long enough for another request
            self._writer.close()
            await self._connect()
        head = f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media_type}"
        self._writer.write(f"{head}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        status, *headers = answer.splitlines()
        if " 202 " not in status:
            raise Failed(f"publishing was answered with {status}")
        [length] = [line for line in headers if line.startswith("content-length:")]
        await self._reader.readexactly(int(length.partition(":")[2]))

    async def publish_steadily(self, data: bytes, events: int, per_second: int) -> None:
        """Publish in step with the clock, or one after the other where the server is slower."""
        begin = time.monotonic()
        for number in range(events):
            await asyncio.sleep(begin + number / per_second - time.monotonic())
            await self.publish(data)


async def subscribe(
    server: Server, path: str, count: int, kind: type[SomeSubscriber]
) -> list[SomeSubscriber]:
    connect = asyncio.get_running_loop().create_connection
    return [(await connect(lambda: kind(path), "127.0.0.1", server.port))[1] for _ in range(count)]


async def greet(publisher: Publisher, subscribers: Sequence[Subscriber]) -> None:
    """Publish until each subscriber has had an event: then all of them are subscribed."""
    before = {subscriber: subscriber.events for subscriber in subscribers}
    deadline = time.monotonic() + WAIT_SECONDS
    while any(subscriber.events == before[subscriber] for subscriber in subscribers):
        if time.monotonic() > deadline:
            raise Failed("subscribers get no events")
        await publisher.publish(b'"hello"')
        await asyncio.sleep(GREETING_SECONDS)


async def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise Failed(f"events were not delivered in {WAIT_SECONDS} seconds")
        await asyncio.sleep(0.01)
