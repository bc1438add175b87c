"""Downloads by curl, which is far faster than what it measures."""

import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import psutil

from .comparison import Failed
from .servers import Server

SAMPLE_SECONDS = 0.02
MIB = 1024 * 1024


@dataclass(frozen=True)
class Download:
    size: int
    seconds: float
    first_byte_seconds: float
    memory_growth: int
    """Bytes by which the resident memory of the server was greater at most than before."""


class MemoryWatch(threading.Thread):
    """Samples the resident memory of a process; `growth` is in bytes."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__()
        self._process = process
        self._before = self._most = process.memory_info().rss
        self._done = threading.Event()

    @property
    def growth(self) -> int:
        return self._most - self._before

    def run(self) -> None:
        with suppress(psutil.NoSuchProcess):  # a server that dies is noticed by its client
            while not self._done.wait(SAMPLE_SECONDS):
                self._most = max(self._most, self._process.memory_info().rss)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self.join()


def download(server: Server, path: str, *headers: str) -> Download:
    """Download to nowhere; raises `Failed` for an error status or a body that is cut off."""
    with MemoryWatch(server.process) as memory:
        printed = curl(
            "--output", "/dev/null",
            "--write-out", "%{size_download} %{time_total} %{time_starttransfer}",
            *(f"-H{header}" for header in headers),
            server.url(path),
        )  # fmt: skip
    size, seconds, first_byte = printed.split()
    return Download(int(size), float(seconds), float(first_byte), memory.growth)


def count_lines(server: Server, path: str) -> int:
    return curl(server.url(path)).count("\n")


def curl(*arguments: str) -> str:
    command = ("curl", "--silent", "--show-error", "--fail", *arguments)
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if result.returncode:
        raise Failed(result.stderr.strip())
    return result.stdout
