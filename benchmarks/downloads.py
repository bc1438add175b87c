"""Downloads by curl, which is far faster than what it measures."""

import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

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


@dataclass
class Memory:
    before: int
    most: int
    _stop: threading.Event = field(default_factory=threading.Event)

    def watch(self, process: psutil.Process) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.most = max(self.most, process.memory_info().rss)

    def stop(self) -> None:
        self._stop.set()


def download(server: Server, path: str) -> Download:
    """Download to nowhere; raises `Failed` for an error status or a body that is cut off."""
    with memory_of(server.process) as memory:
        printed = curl(
            "--output", "/dev/null",
            "--write-out", "%{size_download} %{time_total} %{time_starttransfer}",
            server.url(path),
        )  # fmt: skip
    size, seconds, first_byte = printed.split()
    return Download(int(size), float(seconds), float(first_byte), memory.most - memory.before)


def count_lines(server: Server, path: str) -> int:
    return curl(server.url(path)).count("\n")


def curl(*arguments: str) -> str:
    command = ("curl", "--silent", "--show-error", "--fail", *arguments)
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if result.returncode:
        raise Failed(result.stderr.strip())
    return result.stdout


@contextmanager
def memory_of(process: psutil.Process) -> Generator[Memory, None, None]:
    before = process.memory_info().rss
    memory = Memory(before, before)
    watcher = threading.Thread(target=memory.watch, args=[process])
    watcher.start()
    try:
        yield memory
    finally:
        memory.stop()
        watcher.join()
