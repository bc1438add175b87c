"""The segments in a store that machines share: `{job}/{number}-{attempt}.{format}` below its URL."""

import logging
import tempfile
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import obstore
from obstore.exceptions import BaseError

from ....contents.objects import ObjectStorage
from .storage import JOB_ID, SegmentStorage, SegmentWriter, StorageFailed, in_thread

# A bucket that is not there is a `FileNotFoundError`.
ERRORS = (BaseError, OSError)
logger = logging.getLogger(__name__)


class SegmentObjects(SegmentStorage):
    def __init__(self, url: str) -> None:
        self._store = ObjectStorage(url).store

    async def create(self, job: str, name: str) -> SegmentWriter:
        return await in_thread(ObjectWriter, self._store, job, name)

    async def names(self, job: str) -> list[str]:
        try:
            found = await obstore.list(self._store, f"{job}/").collect_async()
        except ERRORS as error:
            raise _failed(error) from error
        return [meta["path"].rpartition("/")[2] for meta in found]

    async def remove(self, job: str, names: Collection[str] | None = None) -> None:
        with suppress(StorageFailed):
            found = await self.names(job) if names is None else names
            await _delete(self._store, [f"{job}/{name}" for name in found])

    async def jobs(self) -> list[str]:
        try:
            found = await obstore.list_with_delimiter_async(self._store)
        except ERRORS as error:
            raise _failed(error) from error
        return [*filter(JOB_ID.fullmatch, found["common_prefixes"])]


class ObjectWriter(SegmentWriter):
    """The object is there as a whole or not at all; until then the file ends with the process."""

    def __init__(self, store: Any, job: str, name: str) -> None:
        super().__init__(name, tempfile.TemporaryFile())  # noqa: SIM115
        self._store = store
        self._path = f"{job}/{name}"

    async def discard(self) -> None:
        with suppress(StorageFailed):
            await in_thread(self._file.close)
        await _delete(self._store, [self._path])

    async def _keep(self) -> None:
        await in_thread(self._file.seek, 0)
        try:
            await obstore.put_async(self._store, self._path, self._file)
        except ERRORS as error:
            raise _failed(error) from error
        self._file.close()


async def _delete(store: Any, paths: list[str]) -> None:
    try:
        await obstore.delete_async(store, paths)
    except FileNotFoundError:
        pass
    except ERRORS as error:
        logger.warning("Segments stay in their store for now: %s", error)


def _failed(error: Exception) -> StorageFailed:
    logger.warning("The store of segments has failed: %s", error)
    return StorageFailed(error)
