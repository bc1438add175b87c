"""The segments on this machine's disk: a folder for each job, and in it a file for each segment."""

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from anyio.to_thread import run_sync
from fastapi import HTTPException

from ....streaming.files import HasFileno
from ....streaming.pools import FILES
from .job import Segment

T = TypeVar("T")
JOB_ID = "[0-9a-f]" * 32
FULL = {errno.ENOSPC, errno.EDQUOT}


class StorageFailed(HTTPException):
    """Segments cannot be written."""

    type = "/problems/storage-failed"

    def __init__(self, error: OSError) -> None:
        status, reason = (507, "is full") if error.errno in FULL else (500, "cannot be written to")
        super().__init__(status, f"The storage of the segments {reason}.")


class SegmentFolder:
    """Every method but `remove` and `remove_unread` raises `StorageFailed`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, job: str, file: str) -> Path:
        return self.root / job / file

    async def prepare(self, job: str, attempt: int, kept: Collection[str]) -> None:
        """Make the job's folder, and remove what earlier attempts have left but for `kept`."""
        await _in_thread(self._prepare, self.root / job, attempt, kept)

    async def create(self, job: str, number: int, attempt: int, format: str) -> "SegmentFile":
        return await _in_thread(SegmentFile, self.path(job, f"{number}-{attempt}.{format}"))

    async def remove(self, job: str) -> None:
        """Whoever has a file open reads it to its end."""
        await _in_thread(partial(shutil.rmtree, self.root / job, ignore_errors=True))

    async def jobs(self) -> list[str]:
        """Those that have a folder; what else is there is somebody else's."""
        return await _in_thread(lambda: [path.name for path in self.root.glob(JOB_ID)])

    async def remove_unread(self, job: str) -> bool:
        """Remove the files of a job, unless one of them is being read."""
        return await _in_thread(self._remove_unread, self.root / job)

    def _prepare(self, folder: Path, attempt: int, kept: Collection[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            # Who has been stopped, and does not know of a later attempt, leaves it alone.
            if path.name not in kept and int(path.stem.partition("-")[2]) < attempt:
                path.unlink(missing_ok=True)

    def _remove_unread(self, folder: Path) -> bool:
        files = [*folder.iterdir()] if folder.exists() else []
        if any(map(_is_read, files)):
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True


class SegmentFile:
    """A file that is written from its beginning to its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb")
        self._sha256 = hashlib.sha256()
        self.bytes = 0

    async def write(self, chunk: bytes) -> None:
        await _in_thread(self._write, chunk)
        self.bytes += len(chunk)

    async def finish(self, rows: int) -> Segment:
        """Whatever becomes of the machine, the file is whole from now on."""
        await _in_thread(self._finish)
        return Segment(
            file=self._path.name, rows=rows, bytes=self.bytes, sha256=self._sha256.hexdigest()
        )

    async def discard(self) -> None:
        await _in_thread(self._discard)

    def _write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._sha256.update(chunk)

    def _finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _discard(self) -> None:
        with suppress(OSError):  # closing writes what is left
            self._file.close()
        self._path.unlink(missing_ok=True)


def keep(file: HasFileno) -> None:
    """Keep the sweep from a file that is open, until it is closed."""
    fcntl.flock(file.fileno(), fcntl.LOCK_SH)


def _is_read(path: Path) -> bool:
    with suppress(FileNotFoundError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


async def _in_thread(function: Callable[..., T], *arguments: Any) -> T:
    try:
        return await run_sync(function, *arguments, limiter=FILES)
    except OSError as error:
        raise StorageFailed(error) from error
