"""A large file, against Starlette's own response, a naive one and nginx."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from .comparison import Failed, Group, Metric, Peer, Ratio, Sample
from .downloads import MIB, download
from .servers import Server, nginx, uvicorn
from .workplace import FIRST_BYTE, MEMORY, Workplace

SPEED = Metric("GB/s", 2)
FILE_MIB = 1024

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

    def peer(name: str, serve: Serve, path: str) -> Peer:
        return Peer(name, lambda: measure(serve, path, size))

    return [
        Group(
            "Download of a file",
            f"One file of {size / MIB:,.0f} MiB, read from the page cache of the system.",
            (SPEED, FIRST_BYTE, MEMORY),
            (
                peer(NAIVE, partial(uvicorn, peers, settings), f"/naive/{file.name}"),
                peer(STATIC, partial(uvicorn, peers, settings), f"/static/{file.name}"),
                peer(
                    SERVICE,
                    partial(uvicorn, "my_service.main:app", settings),
                    f"/files/{file.name}",
                ),
                peer(NGINX, partial(nginx, workplace.folder), f"/{file.name}"),
            ),
            (
                Ratio(SPEED, SERVICE, STATIC),
                Ratio(SPEED, SERVICE, NAIVE),
                Ratio(SPEED, SERVICE, NGINX, 1),
            ),
        )
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


def measure(serve: Serve, path: str, size: int) -> Sample:
    with serve() as server:
        download(server, path)
        whole = download(server, path)
    if whole.size != size:
        raise Failed(f"sent {whole.size:,} of {size:,} bytes")
    return {
        SPEED: whole.size / whole.seconds / 1e9,
        FIRST_BYTE: whole.first_byte_seconds * 1000,
        MEMORY: whole.memory_growth / MIB,
    }
