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

from ...streaming.shutdown import drain
from .folder import Folder
from .representation import Content

MOST_WEIGHT = 10
REMEMBERED = 10_000
# What takes longer is made for a later request: nobody waits minutes for a preference.
WAIT_SECONDS = 2
PIECE_BYTES = 1024 * 1024


class Digests:
    """The digests of the files of a folder. Two are made at a time, each of them once."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._threads = CapacityLimiter(2)
        self._tasks: OrderedDict[tuple[str, str], asyncio.Task[bytes | None]] = OrderedDict()

    async def make(self, path: str, etag: str | None) -> bytes | None:
        """The digest of that version of a file; `None` if it is not there within two seconds."""
        if etag is None:
            return None
        task = self._start(path, etag)
        await asyncio.wait([task], timeout=WAIT_SECONDS)
        return task.result() if task.done() else None

    def _start(self, path: str, etag: str) -> asyncio.Task[bytes | None]:
        key = path, etag
        if key not in self._tasks:
            digest = run_sync(_digest, self._folder, path, etag, limiter=self._threads)
            self._tasks[key] = asyncio.create_task(digest)
        self._tasks.move_to_end(key)
        if len(self._tasks) > REMEMBERED:
            self._tasks.popitem(last=False)
        return self._tasks[key]


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
    """`None` where the file is no longer the same."""
    try:
        file = folder.open(path)
    except FileNotFoundError:
        return None
    try:
        sha256, done = hashlib.sha256(), 0
        while piece := os.pread(file.fileno(), PIECE_BYTES, done):
            sha256.update(piece)
            done += len(piece)
            if drain.begun:
                return None
        is_same = file.representation.etag == etag and not file.has_changed()
        return sha256.digest() if is_same else None
    finally:
        file.close()
