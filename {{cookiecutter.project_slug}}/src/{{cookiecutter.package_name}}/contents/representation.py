"""What a path stands for, wherever it is stored: a file of a folder, an object of a store."""

import mimetypes
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from fastapi import HTTPException
from starlette.responses import Response

from ..streaming.files import HasFileno

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

    path: str
    """From the root of the storage, with a `/` between names."""
    size: int
    """Bytes, of the coded form where there is a `coding`."""
    etag: str | None
    """With its quotes; `None` where no two bodies can be told apart."""
    modified: int | None
    """Seconds since 1970 (UTC), rounded down."""
    coding: str | None = None
    has_ranges: bool = True
    declared_type: str | None = None
    """Its media type, where the name does not tell it."""

    @property
    def name(self) -> str:
        """Under which clients save it."""
        return self.path.rpartition("/")[2]

    @property
    def media_type(self) -> str:
        if self.declared_type:
            return self.declared_type
        media_type, coding = _types.guess_type(self.name)
        if coding:  # a file of its own, and no coded form of another
            return COMPRESSED.get(coding, "application/octet-stream")
        return media_type or "application/octet-stream"


class NotOffered(HTTPException):
    """There is nothing that may be seen."""

    def __init__(self) -> None:
        super().__init__(404)


class ContentChanged(HTTPException):
    """What was sent and what would come next do not belong to the same representation."""

    def __init__(self, path: str) -> None:
        super().__init__(503, f"{path!r} is being rewritten.", {"Retry-After": "1"})


class Content(ABC):
    """The bytes of one representation, open until it is closed."""

    representation: Representation
    file: HasFileno | None = None
    """Where the same bytes have the same offsets, for a server that sends files by itself."""

    @abstractmethod
    def read(self, span: range) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of `span`, in chunks of 64 KiB at most.

        The last chunk comes only if all of them belong to this representation. Raises
        `ContentChanged` if they do not.
        """

    async def digest(self) -> bytes | None:
        """The SHA-256 of the whole; `None` where nobody can tell in time."""
        return None

    @abstractmethod
    async def offload(self, method: str) -> Response | None:
        """An answer that lets another server send the content, where one is set up to."""

    async def close(self) -> None:  # noqa: B027 - not everything has to be closed
        """Give back what is open."""


class Storage(ABC):
    """Where contents are."""

    @abstractmethod
    async def open(self, path: str, codings: Sequence[str] = ()) -> Content:
        """What `path` stands for, in the first of `codings` that is stored beside it.

        Raises `NotOffered`.
        """

    @abstractmethod
    async def list(self, top: str, after: str, limit: int) -> list[Representation]:
        """The first `limit` files below the folder `top` behind the path `after`, in order.

        Raises `NotOffered` where there is no such folder.
        """
