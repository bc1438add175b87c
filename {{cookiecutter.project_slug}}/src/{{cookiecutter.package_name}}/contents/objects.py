"""Objects of a store that is known by a URL: S3-compatible, GCS, Azure, any HTTP server."""

import logging
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import obstore
from fastapi import HTTPException
from obstore.exceptions import (
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
)
from obstore.store import HTTPStore, from_url
from starlette.responses import RedirectResponse, Response

from ..streaming.settings import CHUNK_BYTES
from .folder import is_path
from .representation import Content, ContentChanged, NotOffered, Representation, Storage

OPTIONS: Any = {
    "allow_http": True,  # where the URL says so
    # One for the whole body would cut off who reads slowly; what is bounded is each wait.
    "timeout": timedelta(days=365),
    "read_timeout": timedelta(seconds=30),
}
# A body that breaks goes on behind its last byte, if the ETag is still the same.
RETRIES: Any = {"max_retries": 5, "retry_timeout": timedelta(days=365)}
# What obstore says of an object without `Last-Modified`.
NO_TIME = datetime.fromtimestamp(0, UTC)

logger = logging.getLogger(__name__)


class ObjectStorage(Storage):
    """The objects below a URL, such as `s3://bucket/folder`; credentials are the environment's.

    Whatever fails there is a 503; its reason is in the log alone.
    """

    def __init__(self, url: str, presigned_seconds: int | None = None) -> None:
        self.store: Any = from_url(url, client_options=OPTIONS, retry_config=RETRIES)
        self.presigned_seconds = presigned_seconds

    async def open(self, path: str, codings: Sequence[str] = ()) -> "StoredObject":
        if not is_path(path):
            raise NotOffered
        with _failures_told():
            return StoredObject(self, await self._ask(path))

    async def list(self, top: str, after: str, limit: int) -> list[Representation]:
        """As `Storage.list`, in the order of the store."""
        if not all(is_path(path) for path in (top, after) if path):
            raise NotOffered
        files: list[Representation] = []
        with _failures_told():
            async for page in obstore.list(self.store, top, offset=after or None):
                files += [_represent(meta) for meta in page if is_path(meta["path"])]
                if len(files) >= limit:
                    break
        return files[:limit]

    async def _ask(self, path: str) -> Representation:
        has_ranges = True
        if isinstance(self.store, HTTPStore):  # not every server has ranges
            try:
                first = await obstore.get_async(self.store, path, options={"range": (0, 1)})
                await first.bytes_async()  # so that the connection can be used again
                return _represent(first.meta, first.attributes.get("Content-Encoding"))
            except NotSupportedError:
                has_ranges = False
            except BaseError:
                pass  # an empty object has no first byte
        result = await obstore.get_async(self.store, path, options={"head": True})
        coding = result.attributes.get("Content-Encoding")
        return _represent(result.meta, coding, has_ranges or not result.meta["size"])


class StoredObject(Content):
    """One version of an object; nothing is open but while it is read."""

    def __init__(self, storage: ObjectStorage, representation: Representation) -> None:
        self.representation = representation
        self._storage = storage

    async def read(self, span: range) -> AsyncGenerator[bytes, None]:
        about = self.representation
        options: Any = {} if span == range(about.size) else {"range": (span.start, span.stop)}
        if about.etag and about.etag.startswith('"'):
            options["if_match"] = about.etag
        with _failures_told():
            try:
                result = await obstore.get_async(self._storage.store, about.path, options=options)
            except (FileNotFoundError, PermissionDeniedError, PreconditionError) as error:
                raise ContentChanged(about.path) from error
            # Not every server heeds `If-Match`.
            if (result.meta["size"], _etag(result.meta)) != (about.size, about.etag):
                raise ContentChanged(about.path)
            async for piece in result.stream(min_chunk_size=CHUNK_BYTES):
                for start in range(0, len(piece), CHUNK_BYTES):
                    yield piece[start : start + CHUNK_BYTES]

    async def offload(self, method: Any) -> Response | None:
        """To a URL at which anybody may read the object for a while."""
        if self._storage.presigned_seconds is None:
            return None
        lifetime = timedelta(seconds=self._storage.presigned_seconds)
        url = await obstore.sign_async(
            self._storage.store, method, self.representation.path, lifetime
        )
        return RedirectResponse(url, headers={"Cache-Control": "no-store"})


def _represent(meta: Any, coding: str | None = None, has_ranges: bool = True) -> Representation:
    time = meta["last_modified"]
    modified = None if time == NO_TIME else int(time.timestamp())
    return Representation(meta["path"], meta["size"], _etag(meta), modified, coding, has_ranges)


def _etag(meta: Any) -> str | None:
    """With its quotes, which Azure leaves out in listings."""
    etag = meta["e_tag"]
    return f'"{etag}"' if etag and not etag.endswith('"') else etag


@contextmanager
def _failures_told() -> Generator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotOffered from error
    except PermissionDeniedError as error:  # so S3 says that there is none, to who may not list
        logger.warning("The store does not give an object: %s", error)
        raise NotOffered from error
    except BaseError as error:
        logger.warning("The store has failed: %s", error)
        raise HTTPException(
            503, "The store of the files has failed.", {"Retry-After": "5"}
        ) from error
