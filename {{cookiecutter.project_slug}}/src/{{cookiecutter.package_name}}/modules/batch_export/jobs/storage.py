"""Where segments are kept, as whole files of their job's format."""

import asyncio
import errno
import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, BinaryIO, TypeVar

from anyio.to_thread import run_sync
from fastapi import HTTPException

from ....streaming.pools import FILES
from .job import Segment

T = TypeVar("T")
JOB_ID = re.compile("[0-9a-f]{32}")
REMOVE_SECONDS = 5
FULL = {errno.ENOSPC, errno.EDQUOT}


class StorageFailed(HTTPException):
    """Segments cannot be written."""

    type = "/problems/storage-failed"

    def __init__(self, error: Exception) -> None:
        is_full = isinstance(error, OSError) and error.errno in FULL
        status, reason = (507, "is full") if is_full else (500, "cannot be written to")
        super().__init__(status, f"The storage of the segments {reason}.")


class SegmentStorage(ABC):
    """Segments have the number of their attempt in their names.

    All but `remove` raise `StorageFailed`.
    """

    @abstractmethod
    async def create(self, job: str, name: str) -> "SegmentWriter": ...

    @abstractmethod
    async def names(self, job: str) -> list[str]:
        """Of the segments that a job has, whole or not."""

    @abstractmethod
    async def remove(self, job: str, names: Collection[str] | None = None) -> None:
        """Remove these segments of a job, or all; who has one open reads on where that can be.

        What cannot be removed now goes with the next sweep.
        """

    @abstractmethod
    async def jobs(self) -> list[str]:
        """Those that have segments; what else is there is somebody else's."""

    async def try_to_remove(self, job: str) -> None:
        """Remove all segments of a job that is over, or leave them to the next sweep."""
        with suppress(TimeoutError):
            async with asyncio.timeout(REMOVE_SECONDS):
                await self.remove(job)

    async def remove_older(self, job: str, attempt: int, kept: Collection[str]) -> None:
        """Remove what earlier attempts have left, but for `kept`."""
        # Who has been stopped, and does not know of a later attempt, leaves it alone.
        left = [
            name
            for name in await self.names(job)
            if name not in kept and attempt_of(name) < attempt
        ]
        if left:
            await self.remove(job, left)


class SegmentWriter(ABC):
    """Writes a segment from its beginning to its end. All but `discard` raise `StorageFailed`."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self._name = name
        self._file = file
        self._sha256 = hashlib.sha256()
        self.bytes = 0

    async def write(self, chunk: bytes) -> None:
        await in_thread(self._write, chunk)
        self.bytes += len(chunk)

    async def finish(self, rows: int) -> Segment:
        """Whatever becomes of the machine, it is whole from now on."""
        await self._keep()
        sha256 = self._sha256.hexdigest()
        return Segment(file=self._name, rows=rows, bytes=self.bytes, sha256=sha256)

    @abstractmethod
    async def discard(self) -> None: ...

    @abstractmethod
    async def _keep(self) -> None: ...

    def _write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._sha256.update(chunk)


def name_of(number: int, attempt: int, format: str) -> str:
    return f"{number}-{attempt}.{format}"


def attempt_of(name: str) -> int:
    return int(name.partition("-")[2].partition(".")[0])


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Raises `StorageFailed`."""
    try:
        return await run_sync(function, *arguments, limiter=FILES)
    except OSError as error:
        raise StorageFailed(error) from error
