"""Files of a folder, each opened once: what is told of it and what is sent are of one inode.

Nothing here is asynchronous, and all of it may wait for a disk.
"""

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from io import FileIO
from pathlib import Path

from .representation import NotOffered, Representation

# A FIFO keeps nobody waiting, and a terminal does not become that of the service.
FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
NOT_OFFERED = {
    errno.EACCES,
    errno.EINVAL,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ENXIO,  # a socket
    errno.EPERM,
}
# Controls, of which no header can tell, and bytes that are no UTF-8, which no URL leads to.
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
SECOND_NS = 1_000_000_000
# More than a tick of the clock by which file systems write times: a file that changes twice within
# one looks the same.
TICK_NS = 20_000_000
SAMPLE_BYTES = 4096


class OpenFile(FileIO):
    """A regular file below the folder, as it was when it was last looked at."""

    def __init__(self, descriptor: int, path: str) -> None:
        super().__init__(descriptor)
        self.path = path
        self.look()

    def look(self) -> None:
        now = time.time_ns()
        # A write has set its time when it began: the kernel answers this once it is over.
        with suppress(OSError):  # nothing is in the file
            os.lseek(self.fileno(), 0, os.SEEK_DATA)
        self.status = os.fstat(self.fileno())
        self.representation = represent(self.path, self.status, now)
        self._sample = self._take_sample()

    def has_changed(self) -> bool:
        """Whether its bytes may be others than when it was looked at.

        To be renamed, linked or given away is no change, and to grow leaves them as they are.
        """
        before, now = self.status, os.fstat(self.fileno())
        if now.st_size < before.st_size:
            return True
        if now.st_size == before.st_size and now.st_mtime_ns != before.st_mtime_ns:
            return True
        # What was written anew may be longer, or be given the old time again.
        return now.st_ctime_ns != before.st_ctime_ns and self._take_sample() != self._sample

    def _take_sample(self) -> int:
        size = self.status.st_size
        starts = (0, size // 2, max(size - SAMPLE_BYTES, 0))
        sizes = (min(SAMPLE_BYTES, size - start) for start in starts)
        return hash(tuple(map(os.pread, [self.fileno()] * 3, sizes, starts)))


class Folder:
    """What lies below a folder, by paths with a `/` between names.

    Links are followed: what counts is where that lies which is open in the end.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, path: str) -> OpenFile:
        """Raises `NotOffered` for whatever is no file of the folder."""
        descriptor = self._open(path, FILE)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return OpenFile(descriptor, path)
        os.close(descriptor)
        raise NotOffered

    @contextmanager
    def open_directory(self, path: str) -> Generator[int]:
        """The descriptor of one below the folder, or of itself. Raises `NotOffered`."""
        descriptor = self._open(path, DIRECTORY) if path else os.open(self.root, DIRECTORY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, path: str, flags: int) -> int:
        if not is_path(path):
            raise NotOffered
        # Anew each time: a folder may be mounted or put in place of another meanwhile.
        with self.open_directory("") as root:
            try:
                descriptor = os.open(path, flags, dir_fd=root)
            except OSError as error:
                raise (NotOffered() if error.errno in NOT_OFFERED else error) from error
            if _place_of(descriptor).startswith(_place_of(root).rstrip("/") + "/"):
                return descriptor
        os.close(descriptor)
        raise NotOffered


def is_path(path: str) -> bool:
    """Whether what has this path may be offered, so that it is in listings as in downloads."""
    return not UNFIT.search(path) and {"", ".", ".."}.isdisjoint(path.split("/"))


def represent(path: str, status: os.stat_result, now: int) -> Representation:
    """What the status says that was asked for at `now`, in nanoseconds, or a little later.

    There is no ETag where the file may still change without looking changed. A time that is ahead
    is of another machine's clock, which says nothing of that.
    """
    etag, state = None, (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    if not -SECOND_NS < now - status.st_ctime_ns < TICK_NS:
        etag = f'"{blake2b(repr(state).encode(), digest_size=12).hexdigest()}"'
    return Representation(path, status.st_size, etag, status.st_mtime_ns // SECOND_NS)


def _place_of(descriptor: int) -> str:
    """Where what is open lies now, whichever links have led there."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - not on every system

        place = fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024))
        return os.fsdecode(place.rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{descriptor}")
