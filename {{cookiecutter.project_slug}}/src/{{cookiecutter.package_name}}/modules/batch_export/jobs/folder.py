"""The segments on this machine's disk: a folder for each job, and in it a file for each segment."""

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from anyio.to_thread import run_sync

from ....streaming.pools import FILES
from .storage import JOB_ID, SegmentStorage, SegmentWriter, in_thread


def make_folder(path: Path) -> None:
    """Make a folder, none of which is ever committed, whatever the repository's own file says."""
    path.mkdir(parents=True, exist_ok=True)
    (path / ".gitignore").write_text("*\n", encoding="utf-8")


class SegmentFolder(SegmentStorage):
    def __init__(self, root: Path) -> None:
        self._root = root

    async def create(self, job: str, name: str) -> SegmentWriter:
        await in_thread(make_folder, self._root)
        return await in_thread(FileWriter, self._root / job / name)

    async def names(self, job: str) -> list[str]:
        return await in_thread(lambda: [path.name for path in (self._root / job).glob("*")])

    async def remove(self, job: str, names: Collection[str] | None = None) -> None:
        await run_sync(self._remove, self._root / job, names, limiter=FILES)

    async def jobs(self) -> list[str]:
        names = await in_thread(lambda: [path.name for path in self._root.glob("*")])
        return [*filter(JOB_ID.fullmatch, names)]

    def _remove(self, folder: Path, names: Collection[str] | None) -> None:
        if names is None:
            shutil.rmtree(folder, ignore_errors=True)
        for name in names or ():
            with suppress(OSError):
                (folder / name).unlink()


class FileWriter(SegmentWriter):
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path.name, path.open("xb"))
        self._path = path

    async def discard(self) -> None:
        await run_sync(self._discard, limiter=FILES)

    async def _keep(self) -> None:
        await in_thread(self._sync)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _discard(self) -> None:
        with suppress(OSError):  # closing writes what is left
            self._file.close()
        self._path.unlink(missing_ok=True)
