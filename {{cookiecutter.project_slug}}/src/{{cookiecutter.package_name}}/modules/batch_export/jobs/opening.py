"""Jobs as the settings have them: who keeps them, where their segments are, and who makes them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import HTTPException

from ....contents import Storage, open_storage
from ..settings import batch_export_settings
from .folder import SegmentFolder
from .job import Job
from .runner import Runner
from .sqlite_store import SqliteStore
from .storage import SegmentStorage
from .store import JobStore

STORE_FILE = "jobs.sqlite"


@dataclass
class Jobs:
    store: JobStore
    segments: SegmentStorage
    contents: Storage
    runner: Runner

    async def find(self, id: str) -> Job:
        """Raises a 404."""
        if (job := await self.store.find(id)) is None:
            raise HTTPException(404, "There is no such job, or it has expired.")
        return job


@asynccontextmanager
async def open_jobs() -> AsyncGenerator[Jobs, None]:
    settings = batch_export_settings()
    place = settings.storage_url or settings.folder
    store, segments = await _open_store(), _open_segments()
    try:
        yield Jobs(store, segments, open_storage(place), Runner(store, segments))
    finally:
        await store.close()


async def _open_store() -> JobStore:
    settings = batch_export_settings()
    if settings.jobs_url is None:
        return SqliteStore(settings.folder / STORE_FILE)
    from .redis_store import RedisStore  # noqa: PLC0415 - few need it

    store = RedisStore(str(settings.jobs_url))
    await store.warn_of_eviction()
    return store


def _open_segments() -> SegmentStorage:
    settings = batch_export_settings()
    if (settings.storage_url or "file:").startswith("file:"):
        return SegmentFolder(settings.folder)
    from .objects import SegmentObjects  # noqa: PLC0415 - obstore takes 5 MiB

    return SegmentObjects(str(settings.storage_url))
