"""Several files as one ZIP, made while it is sent: one file is open, one chunk in memory."""

import re
import unicodedata
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from itertools import chain, count
from pathlib import PurePosixPath

from fastapi import HTTPException
from zipstream import ZipStream

from ...contents import ContentChanged, Representation, Storage
from ...streaming.attachment import attachment
from ...streaming.responses import StreamResponse

MOST_FILES = 10_000
# What some system takes for more than a part of a name, or does not keep.
UNSAFE = re.compile(r'[<>:"\\|?*]|[. ]+(?=/|$)')
DEVICE = re.compile(
    r"(?i)(?:(?<=^)|(?<=/))(?=(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³]) *(?:[./]|$))"
)


async def choose_members(storage: Storage, paths: list[str], folder: str) -> list[Representation]:
    """The files of `paths` as they are now; if there are none, all below `folder`.

    Raises `NotOffered`, and `HTTPException` 422 where they are too many.
    """
    files = [] if paths else await storage.list(folder, "", MOST_FILES + 1)
    if len(files) > MOST_FILES:
        raise HTTPException(422, f"A ZIP has {MOST_FILES:,} files at most.")
    for path in dict.fromkeys(paths):
        content = await storage.open(path)
        await content.close()
        files.append(content.representation)
    return files


class ZipResponse(StreamResponse):
    """The members as they are, not compressed, with the length of the whole.

    One that is no longer what it was when it was chosen aborts the connection.
    """

    media_type = "application/zip"

    def __init__(self, storage: Storage, members: list[Representation], name: str) -> None:
        archive, waiting = ZipStream(sized=True), deque[bytes]()
        for safe_name, file in zip(safe_names(members), members, strict=True):
            archive.add(_take_all(waiting), safe_name, size=file.size)
        headers = {
            "Content-Disposition": attachment(f"{name}.zip"),
            "Content-Length": str(len(archive)),
        }
        super().__init__(_write(archive, waiting, storage, members), headers=headers)


def _take_all(waiting: deque[bytes]) -> Iterator[bytes]:
    """What the archive reads: it pulls, and what comes asynchronously can only be pushed."""
    while waiting:
        yield waiting.popleft()


async def _write(
    archive: ZipStream, waiting: deque[bytes], storage: Storage, members: list[Representation]
) -> AsyncGenerator[bytes, None]:
    for file in members:
        content, pieces = await storage.open(file.path), archive.file()
        try:
            if content.representation != file:
                raise ContentChanged(file.path)
            async with aclosing(content.read(range(file.size))) as chunks:
                # Before its header, so that what is wrong with the first file has a status.
                chunk = await anext(chunks, b"")
                yield next(pieces)
                while chunk:
                    waiting.append(chunk)
                    yield next(pieces)
                    chunk = await anext(chunks, b"")
        finally:
            await content.close()
        for piece in pieces:  # its checksum
            yield piece
    for piece in archive.footer():
        yield piece


def safe_names(files: Iterable[Representation]) -> Iterator[str]:
    """A name for each file that can be unpacked everywhere, none of them over another.

    Some systems know no case, some normalise Unicode, and some have names of devices.
    """
    taken: set[str] = set()
    for file in files:
        plain = PurePosixPath(DEVICE.sub("_", UNSAFE.sub("_", file.path)))
        numbered = (plain.with_stem(f"{plain.stem} ({number})") for number in count(2))
        for name in chain([plain], numbered):
            key = unicodedata.normalize("NFKC", str(name)).casefold()
            if key not in taken:
                taken.add(key)
                yield str(name)
                break
