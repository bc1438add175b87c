"""A large file, against Starlette's own response, a naive one and nginx."""

import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

from .comparison import Failed, Group, Limit, Metric, Peer, Ratio, Sample
from .downloads import MIB, download
from .servers import Server, nginx, uvicorn
from .workplace import FIRST_BYTE, MEMORY, Workplace

SPEED = Metric("GB/s", 2)
PROCESSOR = Metric("CPU s per GiB", 2, less_is_better=True)
PER_READER = Metric("KiB per reader", less_is_better=True)
FILE_MIB = 1024
READERS = 32
SLOW_READERS = 500
SETTLED_SECONDS = 1
BROWSER = "Accept-Encoding: gzip, deflate, br, zstd"

Serve = Callable[[], AbstractContextManager[Server]]

SERVICE = "service, /files"
STATIC = "Starlette, StaticFiles"
NAIVE = "naive, read in a generator"
NGINX = "nginx, sendfile"


def groups(workplace: Workplace) -> list[Group]:
    file = make_file(workplace)
    size = file.stat().st_size
    settings = workplace.settings
    peers = "benchmarks.peers.files:app"

    service = SERVICE, partial(uvicorn, "my_service.main:app", settings), f"/files/{file.name}"
    by_nginx = NGINX, partial(nginx, workplace.folder), f"/{file.name}"

    def peer(name: str, serve: Serve, path: str, readers: int) -> Peer:
        return Peer(name, lambda: measure(serve, path, size, readers))

    def fast(readers: int) -> tuple[Peer, ...]:
        return tuple(peer(*each, readers) for each in (service, by_nginx))

    shown = (SPEED, PROCESSOR, FIRST_BYTE, MEMORY)
    about = (
        f"One file of {size / MIB:,.0f} MiB, read from the page cache of the system by clients that "
        "accept what browsers do."
    )
    return [
        Group(
            "Download of a file",
            about,
            shown,
            (
                peer(NAIVE, partial(uvicorn, peers, settings), f"/naive/{file.name}", 1),
                peer(STATIC, partial(uvicorn, peers, settings), f"/static/{file.name}", 1),
                *fast(1),
            ),
            (
                Ratio(SPEED, SERVICE, STATIC),
                Ratio(SPEED, SERVICE, NAIVE),
                Ratio(SPEED, SERVICE, NGINX, 1),
            ),
            (Limit(PROCESSOR, SERVICE, 0.35),),
        ),
        Group(
            f"{READERS} downloads of a file at once",
            "The same file; a reader is a process of curl.",
            shown,
            fast(READERS),
            (Ratio(SPEED, SERVICE, NGINX, 1),),
            (Limit(PROCESSOR, SERVICE, 0.35),),
        ),
        Group(
            f"{workplace.scaled(SLOW_READERS)} readers of a file that have stopped reading",
            "By how much the resident memory of the server has grown, and what waits in its sockets.",
            (PER_READER,),
            tuple(
                Peer(name, partial(measure_slow, serve, path, workplace.scaled(SLOW_READERS)))
                for name, serve, path in (service, by_nginx)
            ),
            (Ratio(PER_READER, SERVICE, NGINX),),
            (Limit(PER_READER, SERVICE, 256),),
        ),
    ]


def make_file(workplace: Workplace) -> Path:
    """A file that no file system stores as holes, and that has been read once."""
    file = workplace.folder / "large.bin"
    workplace.say(f"making a file of {workplace.scaled(FILE_MIB):,} MiB")
    with file.open("wb") as output:
        for _ in range(workplace.scaled(FILE_MIB)):
            output.write(os.urandom(MIB))
    with file.open("rb") as written:
        while written.read(MIB):
            pass
    return file


def measure(serve: Serve, path: str, size: int, readers: int) -> Sample:
    with serve() as server, ThreadPoolExecutor(readers) as threads:
        download(server, path, BROWSER)
        processor, started = processor_seconds(server), time.monotonic()
        downloads = list(threads.map(lambda _: download(server, path, BROWSER), range(readers)))
        seconds = time.monotonic() - started
        processor = processor_seconds(server) - processor
    if any(whole.size != size for whole in downloads):
        raise Failed(f"sent less than {size:,} bytes")
    return {
        SPEED: readers * size / seconds / 1e9,
        PROCESSOR: processor / (readers * size / 2**30),
        FIRST_BYTE: max(whole.first_byte_seconds for whole in downloads) * 1000,
        MEMORY: max(whole.memory_growth for whole in downloads) / MIB,
    }


def measure_slow(serve: Serve, path: str, readers: int) -> Sample:
    with serve() as server, ExitStack() as connections:
        download(server, path, BROWSER)
        before = server.process.memory_info().rss
        for _ in range(readers):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connections.enter_context(connection)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{BROWSER}\r\n\r\n".encode())
            if not connection.recv(1):
                raise Failed("a reader was sent nothing")
        waiting, last = unsent_bytes(server.port), -1
        while waiting != last:
            time.sleep(SETTLED_SECONDS)
            waiting, last = unsent_bytes(server.port), waiting
        grown = server.process.memory_info().rss - before
        return {PER_READER: (grown + waiting) / readers / 1024}


def unsent_bytes(port: int) -> int:
    """What the kernel holds in the sockets of a server, sent or not, until a reader confirms it."""
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(
        int(each[4].partition(":")[0], 16) for each in fields if each[1][-4:] == f"{port:04X}"
    )


def processor_seconds(server: Server) -> float:
    times = server.process.cpu_times()
    return times.user + times.system
