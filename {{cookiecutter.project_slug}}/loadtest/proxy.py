"""A TCP proxy that is a bad network.

`async with proxy(url, Toxics(latency=0.1)) as hop` answers at `hop.url`; `proxy_in_thread` does so
for code that does not await. It knows nothing of HTTP, so headers are cut as well as bodies. It
loses no packets: `loadtest/network.py` has that.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import math
import random
import socket
import struct
from collections.abc import AsyncGenerator, Generator, Iterator
from typing import Any
from urllib.parse import urlsplit

from anyio.from_thread import start_blocking_portal

ANY_PORT = ("127.0.0.1", 0)
BACKLOG = 1024  # clients that come at once
PIECE_BYTES = 256 * 1024
TICK_SECONDS = 0.01  # a slow line carries pieces of what it takes in so long
CATCH_UP_SECONDS = 0.1  # a timer that is late by less takes nothing from the bandwidth
LINGER_SECONDS = 5
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def toxic(default: Any, text: str) -> Any:
    return dataclasses.field(default=default, metadata={"help": text})


@dataclasses.dataclass(frozen=True)
class Toxics:
    """What happens, in each connection, to the bytes that one side sends."""

    latency: float = toxic(0.0, "seconds until a byte arrives; bandwidth is as without")
    jitter: float = toxic(0.0, "seconds by which latency is more or less; order is kept")
    bandwidth: float = toxic(math.inf, "bytes per second")
    split: int = toxic(0, "send in pieces of 1 to so many bytes")
    cut_after: float | range = toxic(math.inf, "bytes, of headers too; a range: anywhere in it")
    cut_with: str = toxic("reset", "how to cut: reset (RST), end (FIN) or silence")
    cuts: float = toxic(math.inf, "how many connections are cut, no more")
    close_after: float = toxic(0.0, "seconds between the last byte and the end")


CLEAN = Toxics()


def http_url(text: str) -> str:
    """The same; raises `ValueError` for what a proxy cannot pass on to."""
    parts = urlsplit(text)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{text} is no http:// URL: a network is made of TCP, and opens no TLS")
    return text


class Cut(ConnectionError):
    """A connection ends cleanly, before its time."""


class Proxy:
    """Counts what goes through. `down` is for what the service sends, `up` for its clients.

    Both may be replaced while it runs; a byte on its way keeps the latency that it met.
    """

    def __init__(self, target: tuple[str, int], url: str, down: Toxics, up: Toxics) -> None:
        self.target, self.url, self.down, self.up = target, url, down, up
        self.connections = self.open = self.cuts = 0
        self.sent = {"down": 0, "up": 0}

    async def accept(self, listener: socket.socket) -> None:
        async with asyncio.TaskGroup() as connections:
            while True:
                client, _ = await asyncio.get_running_loop().sock_accept(listener)
                connections.create_task(self.serve(client))

    async def serve(self, client: socket.socket) -> None:
        self.connections += 1
        self.open += 1
        with client, socket.socket() as server:
            try:
                for side in client, server:
                    side.setblocking(False)
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await asyncio.get_running_loop().sock_connect(server, self.target)
                up, down = Line(self, "up", client, server), Line(self, "down", server, client)
                async with asyncio.TaskGroup() as tasks:
                    for line, other in (up, down), (down, up):
                        tasks.create_task(line.take())
                        tasks.create_task(line.give(other))
            except* Cut:
                await end(client)
            except* OSError:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            finally:
                self.open -= 1


class Line:
    """One direction of a connection: `take` keeps to the bandwidth, `give` to the latency."""

    def __init__(self, proxy: Proxy, name: str, source: socket.socket, sink: socket.socket) -> None:
        self.proxy, self.name, self.source, self.sink = proxy, name, source, sink
        self.on_the_way = asyncio.Queue[tuple[float, bytes | OSError]]()
        self.flows, self.ended = asyncio.Event(), asyncio.Event()
        self.flows.set()
        self.free_at = self.due = 0.0

    @property
    def toxics(self) -> Toxics:
        return getattr(self.proxy, self.name)

    async def take(self) -> None:
        """Read what the line can carry, but nothing while the other end reads nothing."""
        while not self.ended.is_set():
            await self.flows.wait()
            size = int(min(PIECE_BYTES, max(1, self.toxics.bandwidth * TICK_SECONDS)))
            try:
                piece = await asyncio.get_running_loop().sock_recv(self.source, size)
            except OSError as error:
                return self.on_the_way.put_nowait((self.arrival(), error))
            await self.carry(len(piece))
            for part in split(piece, self.toxics.split):
                self.on_the_way.put_nowait((self.arrival(), part))
            if not piece:
                self.ended.set()

    async def carry(self, size: int) -> None:
        now = asyncio.get_running_loop().time()
        begun = self.free_at if now - self.free_at < CATCH_UP_SECONDS else now
        self.free_at = begun + size / self.toxics.bandwidth
        await asyncio.sleep(self.free_at - now)

    def arrival(self) -> float:
        jitter = random.uniform(-1, 1) * self.toxics.jitter  # noqa: S311
        now = asyncio.get_running_loop().time()
        self.due = max(self.due, now + self.toxics.latency + jitter)
        return self.due

    async def give(self, other: "Line") -> None:
        """Send each piece when it is due, and cut the line where that is asked for."""
        loop = asyncio.get_running_loop()
        sent, met, place = 0, None, math.inf
        while True:
            due, piece = await self.on_the_way.get()
            await asyncio.sleep(due - loop.time())
            if isinstance(piece, OSError):
                raise piece
            toxics = self.toxics
            if toxics is not met:
                met, place = toxics, cut_place(toxics)
            is_cut = place <= sent + len(piece) and self.proxy.cuts < toxics.cuts
            if is_cut:
                piece = piece[: max(0, int(place) - sent)]
            self.flows.clear()
            await loop.sock_sendall(self.sink, piece)
            sent += len(piece)
            self.proxy.sent[self.name] += len(piece)
            if is_cut:
                await self.cut(toxics.cut_with, other)
            self.flows.set()
            if not piece:
                await asyncio.sleep(toxics.close_after)
                return self.sink.shutdown(socket.SHUT_WR)

    async def cut(self, how: str, other: "Line") -> None:
        self.proxy.cuts += 1
        if how == "silence":
            await other.ended.wait()
        raise Cut if how == "end" else ConnectionResetError


def split(piece: bytes, most: int) -> Iterator[bytes]:
    while most and len(piece) > most:
        size = random.randint(1, most)  # noqa: S311
        yield piece[:size]
        piece = piece[size:]
    yield piece


def cut_place(toxics: Toxics) -> float:
    place = toxics.cut_after
    return random.choice(place) if isinstance(place, range) else place  # noqa: S311


async def end(client: socket.socket) -> None:
    """End a connection so that the client can read all that was sent."""
    with contextlib.suppress(OSError, TimeoutError):
        client.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(LINGER_SECONDS):
            while await asyncio.get_running_loop().sock_recv(client, PIECE_BYTES):
                pass


@contextlib.asynccontextmanager
async def proxy(
    service: str, down: Toxics = CLEAN, up: Toxics = CLEAN, listener: socket.socket | None = None
) -> AsyncGenerator[Proxy]:
    """Pass on what comes to `listener` (a free port of this machine) to an `http://` URL.

    Raises `ValueError` for another one.
    """
    url = urlsplit(http_url(service))
    with listener or socket.create_server(ANY_PORT, backlog=BACKLOG) as door:
        door.setblocking(False)
        host, port = door.getsockname()
        target = url.hostname or "127.0.0.1", url.port or 80
        running = Proxy(target, f"http://{host}:{port}{url.path.rstrip('/')}", down, up)
        async with asyncio.TaskGroup() as tasks:
            accepting = tasks.create_task(running.accept(door))
            yield running
            accepting.cancel()


@contextlib.contextmanager
def proxy_in_thread(service: str, down: Toxics = CLEAN, up: Toxics = CLEAN) -> Generator[Proxy]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(proxy(service, down, up)) as running,
    ):
        yield running


async def run(service: str, port: int, **toxics: Any) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
    async with proxy(service, Toxics(**toxics), listener=listener) as running:
        print(f"{running.url} passes on to {service}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtest.proxy", description=Toxics.__doc__)
    parser.add_argument(
        "service", type=http_url, help="the URL of a service, such as http://127.0.0.1:8000"
    )
    parser.add_argument("--port", type=int, default=0, help="where to listen (any free one)")
    for each in dataclasses.fields(Toxics):
        option, kind = f"--{each.name.replace('_', '-')}", type(each.default)
        parser.add_argument(option, type=kind, default=each.default, help=each.metadata["help"])
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
