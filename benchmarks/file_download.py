"""A large file, against Starlette's own response, a naive one and nginx."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from .comparison import Failed, Group, Metric, Peer, Ratio, Sample
from .downloads import MIB, download
from .servers import Server, nginx, uvicorn
from .workplace import FIRST_BYTE, MEMORY, Workplace

SPEED = Metric("GB/s", 2)
PROCESSOR = Metric("CPU s per GiB", 2, less_is_better=True)
FILE_MIB = 1024
READERS = 32
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

    def peer(name: str, serve: Serve, path: str, readers: int) -> Peer:
        return Peer(name, lambda: measure(serve, path, size, readers))

    def fast(readers: int) -> tuple[Peer, Peer]:
        service = partial(uvicorn, "my_service.main:app", settings)
        return (
            peer(SERVICE, service, f"/files/{file.name}", readers),
            peer(NGINX, partial(nginx, workplace.folder), f"/{file.name}", readers),
        )

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
        ),
        Group(
            f"{READERS} downloads of a file at once",
            about,
            shown,
            fast(READERS),
            (Ratio(SPEED, SERVICE, NGINX, 1),),
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


def processor_seconds(server: Server) -> float:
    times = server.process.cpu_times()
    return times.user + times.system
