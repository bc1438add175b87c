"""Several files as one ZIP, made while it is sent: one file is open, one chunk in memory."""

import re
import unicodedata
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from itertools import chain, count
from pathlib import PurePosixPath

from fastapi import HTTPException
from zipstream import ZipStream

from ...streaming.responses import StreamResponse
from .headers import attachment
from .representation import ContentChanged, Entry, Representation, Storage

MOST_FILES = 10_000
# What some system takes for more than a part of a name, or does not keep.
UNSAFE = re.compile(r'[<>:"\\|?*]|[. ]+(?=/|$)')
DEVICE = re.compile(r"(?i)(?:(?<=^)|(?<=/))(?=(?:con|prn|aux|nul|com\d|lpt\d) *(?:[./]|$))")


async def choose_members(storage: Storage, paths: list[str], folder: str) -> list[Entry]:
    """The files of `paths` as they are now; if there are none, all below `folder`.

    Raises `FileNotFoundError`, and `HTTPException` 422 where they are too many.
    """
    if not paths:
        entries = await storage.list(folder, "", MOST_FILES + 1)
        if len(entries) > MOST_FILES:
            raise HTTPException(422, f"A ZIP has {MOST_FILES:,} files at most.")
        return entries
    return [(path, await _look(storage, path)) for path in dict.fromkeys(paths)]


async def _look(storage: Storage, path: str) -> Representation:
    content = await storage.open(path)
    await content.close()
    return content.representation


class ZipResponse(StreamResponse):
    """The members as they are, not compressed, with the length of the whole.

    One that is no longer what it was when it was chosen aborts the connection.
    """

    media_type = "application/zip"

    def __init__(self, storage: Storage, members: list[Entry], name: str) -> None:
        archive, chunk = ZipStream(sized=True), _Chunk()
        names = safe_names(path for path, _ in members)
        for safe_name, (_, file) in zip(names, members, strict=True):
            archive.add(chunk, safe_name, size=file.size)
        headers = {
            "Content-Disposition": attachment(f"{name}.zip"),
            "Content-Length": str(len(archive)),
        }
        super().__init__(_write(archive, chunk, storage, members), headers=headers)


class _Chunk:
    """What the archive reads next: it pulls, and what comes asynchronously can only be pushed."""

    content: bytes | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        content, self.content = self.content, None
        if content is None:
            raise StopIteration
        return content


async def _write(
    archive: ZipStream, chunk: _Chunk, storage: Storage, members: list[Entry]
) -> AsyncGenerator[bytes, None]:
    for path, file in members:
        pieces = archive.file()
        yield next(pieces)  # its header
        content = await storage.open(path)
        try:
            if content.representation != file:
                raise ContentChanged(path)
            async with aclosing(content.read(range(file.size))) as chunks:
                async for chunk.content in chunks:
                    yield next(pieces)
        finally:
            await content.close()
        for piece in pieces:  # its checksum
            yield piece
    for piece in archive.footer():
        yield piece


def safe_names(paths: Iterable[str]) -> Iterator[str]:
    """A name for each path that can be unpacked everywhere, none of them over another.

    Some systems know no case, some normalise Unicode, and some have names of devices.
    """
    taken: set[str] = set()
    for path in paths:
        plain = PurePosixPath(DEVICE.sub("_", UNSAFE.sub("_", path)))
        numbered = (plain.with_stem(f"{plain.stem} ({number})") for number in count(2))
        for name in chain([plain], numbered):
            key = unicodedata.normalize("NFKC", str(name)).casefold()
            if key not in taken:
                taken.add(key)
                yield str(name)
                break
