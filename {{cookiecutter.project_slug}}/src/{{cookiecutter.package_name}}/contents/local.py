"""The storage that is a folder of this machine."""

import os
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from urllib.parse import quote

import anyio
from anyio.to_thread import run_sync
from starlette.responses import Response

from ..streaming.pools import FILES, LISTINGS
from ..streaming.settings import CHUNK_BYTES
from .digests import Digests
from .folder import SECOND_NS, TICK_NS, Folder, OpenFile
from .headers import describe
from .listing import list_files
from .representation import Content, ContentChanged, NotOffered, Representation, Storage

# The coded forms that may lie beside a file, by the ends of their names.
ENDS = {"zstd": ".zst", "br": ".br", "gzip": ".gz"}
LOOKS = 10


class LocalStorage(Storage):
    """A folder; nginx sends its files where it has a location for them."""

    def __init__(self, folder: Folder, accel_location: str | None = None) -> None:
        self.folder = folder
        self.digests = Digests(folder)
        self.accel_location = accel_location

    async def open(self, path: str, codings: Sequence[str] = ()) -> "LocalContent":
        """As `Storage.open`. Raises `ContentChanged` for a file that is being rewritten."""
        if self.accel_location:  # nginx has its own way to choose a coded form
            codings = ()
        file, coding = await run_sync(self._open, path, codings, limiter=FILES)
        await _settle(file)
        return LocalContent(self, file, replace(file.representation, path=path, coding=coding))

    async def list(self, top: str, after: str, limit: int) -> list[Representation]:
        return await run_sync(list_files, self.folder, top, after, limit, limiter=LISTINGS)

    def _open(self, path: str, codings: Sequence[str]) -> tuple[OpenFile, str | None]:
        file = self.folder.open(path)
        for coding in codings:
            try:
                coded = self.folder.open(path + ENDS[coding])
            except NotOffered:
                continue
            if coded.status.st_mtime_ns >= file.status.st_mtime_ns:  # else it is of another version
                file.close()
                return coded, coding
            coded.close()
        return file, None


class LocalContent(Content):
    """A file, whose descriptor the server may send from."""

    def __init__(
        self, storage: LocalStorage, file: OpenFile, representation: Representation
    ) -> None:
        self._storage = storage
        self.file = self._file = file
        self.representation = representation

    async def read(self, span: range) -> AsyncGenerator[bytes, None]:
        for start in span[::CHUNK_BYTES]:
            count = min(CHUNK_BYTES, span.stop - start)
            chunk = _read_from_memory(self._file.fileno(), count, start)
            if len(chunk) < count:
                chunk = await run_sync(os.pread, self._file.fileno(), count, start, limiter=FILES)
            if len(chunk) < count or self._file.has_changed():
                raise ContentChanged(self._file.path)
            yield chunk

    async def digest(self) -> bytes | None:
        return await self._storage.digests.make(self._file)

    async def offload(self, method: str) -> Response | None:
        """To nginx, whose own validators and ranges those of the file then are."""
        location = self._storage.accel_location
        if location is None:
            return None
        headers = describe(self.representation)
        for name in ("ETag", "Last-Modified", "Accept-Ranges"):
            headers.pop(name, None)
        return Response(headers=headers | {"X-Accel-Redirect": location + quote(self._file.path)})

    async def close(self) -> None:
        self._file.close()


async def _settle(file: OpenFile) -> None:
    """Wait until whatever happens to the file will show in its times."""
    for _ in range(LOOKS):
        if file.representation.etag is not None:
            return
        await anyio.sleep(TICK_NS / SECOND_NS)
        size = file.representation.size
        await run_sync(file.look, limiter=FILES)
        if file.representation.size > size:  # it grows, and what is there stays
            return
    file.close()
    raise ContentChanged(file.path)


def _read_from_memory(descriptor: int, count: int, start: int) -> bytes:
    """What is there without waiting for a disk; nothing where the system cannot tell."""
    if not hasattr(os, "RWF_NOWAIT"):
        return b""
    chunk = bytearray(count)
    try:
        size = os.preadv(descriptor, [chunk], start, os.RWF_NOWAIT)
    except OSError:  # nothing is, or this file system does not know
        return b""
    return bytes(memoryview(chunk)[:size])
