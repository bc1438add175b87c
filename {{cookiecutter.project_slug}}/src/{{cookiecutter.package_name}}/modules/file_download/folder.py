"""Files of a folder, each opened once: what is told of it and what is sent come from one inode."""

from collections.abc import Generator
from contextlib import contextmanager
import os
from pathlib import Path

from .representation import Representation


class OpenFile:
    """A regular file below the folder. To be used in a thread, as all that may wait for a disk."""

    descriptor: int
    path: str
    status: os.stat_result
    representation: Representation

    def has_changed(self) -> bool:
        """Whether its first `size` bytes may be others than when it was opened."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class Folder:
    """Blocking; a relative path has components between `/`, none of them empty, `.` or `..`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, path: str) -> OpenFile:
        """Raises `FileNotFoundError` for whatever is not a regular file below the root."""
        raise NotImplementedError

    @contextmanager
    def open_directory(self, path: str = "") -> Generator[int]:
        """The descriptor of a directory that is the root or lies below it, for `os.scandir`.

        Raises `FileNotFoundError`.
        """
        raise NotImplementedError


def is_path(path: str) -> bool:
    """Whether a file of this path may be offered: the same for listing and download."""
    raise NotImplementedError


def etag_of(status: os.stat_result) -> str | None:
    """`None` for a file that changed within the last ticks of the clock of its file system."""
    raise NotImplementedError
