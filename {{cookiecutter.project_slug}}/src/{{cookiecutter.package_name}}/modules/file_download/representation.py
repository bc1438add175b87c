"""What a path stands for, wherever it is stored: a file of the folder, an object of a store."""

import mimetypes
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.responses import Response

# Without what the system adds, so that a file has the same type on each machine.
_types = mimetypes.MimeTypes()
for _extension, _media_type in {
    ".arrow": "application/vnd.apache.arrow.file",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".yaml": "application/yaml",
    ".zst": "application/zstd",
}.items():
    _types.add_type(_media_type, _extension)
COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


@dataclass(frozen=True)
class Representation:
    """The metadata of some bytes (RFC 9110, section 8)."""

    name: str
    """The last component of the path; clients save under it."""
    size: int
    """Bytes, of the coded form where there is a `coding`."""
    etag: str | None
    """With its quotes; `None` where no two bodies can be told apart."""
    modified: int | None
    """Seconds since 1970 (UTC), rounded down."""
    media_type: str
    coding: str | None = None
    has_ranges: bool = True


class HasFileno(Protocol):
    def fileno(self) -> int: ...


class Content(Protocol):
    """The bytes of one representation, open until it is closed."""

    @property
    def representation(self) -> Representation: ...

    @property
    def file(self) -> HasFileno | None:
        """Where the same bytes have the same offsets, for a server that sends files by itself."""
        ...

    def read(self, span: range) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of `span`, in chunks of 64 KiB at most.

        The last chunk comes only if all of them belong to this representation. Raises
        `ContentChanged` if they do not.
        """
        ...

    async def digest(self) -> bytes | None:
        """The SHA-256 of the whole; `None` where nobody can tell in time."""
        ...

    async def offload(self, method: str) -> Response | None:
        """An answer that lets another server send the content, where one is set up to."""
        ...

    async def close(self) -> None: ...


Entry = tuple[str, Representation]
"""A path, and what it stood for when it was looked at."""


class Storage(Protocol):
    """Where contents are."""

    async def open(self, path: str, codings: Sequence[str] = ()) -> Content:
        """What `path` stands for, in the first of `codings` that is stored beside it.

        Raises `FileNotFoundError` for whatever is not offered.
        """
        ...

    async def list(self, top: str, after: str, limit: int) -> list[Entry]:
        """The first `limit` paths below the folder `top` that come behind `after`, in order.

        Raises `FileNotFoundError` where there is no such folder.
        """
        ...


class ContentChanged(Exception):
    """What was sent and what would come next do not belong to the same representation."""


def media_type_of(name: str) -> str:
    media_type, coding = _types.guess_type(name)
    if coding:  # a file of its own, and no coded form of another
        return COMPRESSED.get(coding, "application/octet-stream")
    return media_type or "application/octet-stream"
