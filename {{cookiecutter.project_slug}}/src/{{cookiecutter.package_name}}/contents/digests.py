"""SHA-256 of files for `Repr-Digest` (RFC 9530), made once for each version of a file."""

import asyncio
import hashlib
import os
from collections import OrderedDict
from typing import Any

import http_sf
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Request

from ..streaming.shutdown import drain
from .folder import Folder, OpenFile
from .representation import Content, NotOffered

MOST_WEIGHT = 10
REMEMBERED = 10_000
# Nobody waits long for a preference: what is not there in time is there for a later request.
WAIT_SECONDS = 2
LARGE_BYTES = 1024**3
PIECE_BYTES = 1024 * 1024


class Digests:
    """The digests of the files of a folder, each made once, those of large files one at a time."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._threads = CapacityLimiter(2)
        self._thread_for_large = CapacityLimiter(1)
        self._tasks: OrderedDict[tuple[str, str], asyncio.Task[bytes | None]] = OrderedDict()

    async def make(self, file: OpenFile) -> bytes | None:
        """The digest of what is open; `None` if it is not there in time."""
        about = file.representation
        if about.etag is None:
            return None
        key, is_large = (file.path, about.etag), about.size > LARGE_BYTES
        if key not in self._tasks:
            limiter = self._thread_for_large if is_large else self._threads
            digest = run_sync(_digest, self._folder, *key, limiter=limiter)
            self._tasks[key] = asyncio.create_task(digest)
        self._tasks.move_to_end(key)
        if len(self._tasks) > REMEMBERED:
            self._tasks.popitem(last=False)
        task = self._tasks[key]
        await asyncio.wait([task], timeout=0 if is_large else WAIT_SECONDS)
        digest = task.result() if task.done() else None
        if task.done() and digest is None:  # it could not be read, and perhaps can later
            self._tasks.pop(key, None)
        return digest


async def digest_headers(request: Request, content: Content) -> dict[str, str]:
    """`Repr-Digest`, if SHA-256 is among what `Want-Repr-Digest` accepts (RFC 9530, section 4)."""
    wanted = ", ".join(request.headers.getlist("want-repr-digest"))
    try:
        preferences: Any = http_sf.parse(wanted.encode(), tltype="dictionary")
    except ValueError:
        return {}
    weight, _ = preferences.get("sha-256", (0, {}))
    if type(weight) is not int or not 0 < weight <= MOST_WEIGHT:
        return {}
    digest = await content.digest()
    return {"Repr-Digest": http_sf.ser({"sha-256": (digest, {})})} if digest else {}


def _digest(folder: Folder, path: str, etag: str) -> bytes | None:
    """`None` where the file is no longer the same, or cannot be read."""
    try:
        with folder.open(path) as file:
            if file.representation.etag != etag:
                return None
            sha256 = hashlib.sha256()
            for start in range(0, file.representation.size, PIECE_BYTES):
                count = min(PIECE_BYTES, file.representation.size - start)
                sha256.update(os.pread(file.fileno(), count, start))
                if drain.begun or file.has_changed():
                    return None
            return sha256.digest()
    except (NotOffered, OSError):
        return None
