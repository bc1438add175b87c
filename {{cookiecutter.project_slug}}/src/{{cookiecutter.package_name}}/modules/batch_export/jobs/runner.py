"""Takes jobs that wait and makes them, in the service's own processes."""

import asyncio
from contextlib import suppress

from ....streaming.shutdown import drain
from ..settings import batch_export_settings
from .attempt import Attempt
from .storage import SegmentStorage, StorageFailed
from .store import JobStore, JobsUnavailable

# How soon the jobs of a process that has died are seen by another one.
LOOK_SECONDS = 1
MOST_SECONDS_BETWEEN_SWEEPS = 30


class Runner:
    def __init__(self, store: JobStore, storage: SegmentStorage) -> None:
        self._store = store
        self._storage = storage
        self._has_news = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def look(self) -> None:
        """Do not wait for the next look for jobs."""
        self._has_news.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            sweeping = tasks.create_task(self._sweep_again_and_again())
            while not drain.begun:
                with suppress(JobsUnavailable):  # as may be over by the next look
                    await self._take(tasks)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._has_news.wait()
                self._has_news.clear()
            sweeping.cancel()

    async def _take(self, tasks: asyncio.TaskGroup) -> None:
        while len(self._running) < batch_export_settings().parallel_jobs:
            if (job := await self._store.claim()) is None:
                return
            attempt = tasks.create_task(Attempt(job, self._store, self._storage).run())
            self._running.add(attempt)
            attempt.add_done_callback(self._running.discard)
            attempt.add_done_callback(lambda _: self.look())

    async def _sweep_again_and_again(self) -> None:
        """For itself, as the storage may be slow."""
        expire_seconds = batch_export_settings().expire_seconds
        while True:
            with suppress(JobsUnavailable, StorageFailed):
                await self._sweep()
            await asyncio.sleep(min(expire_seconds, MOST_SECONDS_BETWEEN_SWEEPS))

    async def _sweep(self) -> None:
        for id in await self._store.expired():
            if await self._store.forget(id):
                await self._storage.remove(id)
        # What somebody was about to remove when he was killed. A job is there before its segments.
        if jobs := await self._storage.jobs():
            left = {*jobs} - await self._store.holding()
            # Asked last: a store that has been emptied since has another name.
            name = await self._store.name()
            for id in left:
                if id.startswith(name):  # the others may be another store's
                    await self._storage.remove(id)
