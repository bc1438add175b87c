"""One attempt at a job: from its last whole segment to its end, or as far as it comes."""

import asyncio
import logging
from contextlib import aclosing, suppress
from time import monotonic, time
from typing import Any

from fastapi import HTTPException
from starlette.datastructures import QueryParams

from ....records.batching import encode_batches
from ....records.formats import Encoder
from ....records.resuming import Cursor
from ....streaming.problems import describe
from ....streaming.shutdown import ShuttingDown
from ..choice import Choice, choose
from ..settings import batch_export_settings, lease_seconds
from .job import Job, Progress
from .segments import Cutting
from .storage import SegmentStorage, SegmentWriter, name_of
from .store import Fenced, JobStore, JobsUnavailable

BEATS_PER_LEASE = 5
# What ends the process, or its lease, so many times and keeps no segment will do so again.
MOST_TRIES = 5

logger = logging.getLogger(__name__)


class GivenUp(HTTPException):
    """All attempts have ended without a word, and none has left a segment to go on behind."""

    type = "/problems/given-up"

    def __init__(self) -> None:
        super().__init__(500, f"{MOST_TRIES} attempts at this export have ended without a word.")


class Attempt:
    def __init__(self, job: Job, store: JobStore, storage: SegmentStorage) -> None:
        self._job = job
        self._store = store
        self._storage = storage
        # Rows that have no order are read from the beginning again.
        self._segments = job.segments if job.cursor is not None else []
        self._cutting: Cutting | None = None
        self._writer: SegmentWriter | None = None
        self._total: int | None = None
        self._began = monotonic()
        self._rows_before = sum(segment.rows for segment in self._segments)

    async def run(self) -> None:
        """Raises nothing but `CancelledError`: another attempt goes on then, and here ends none."""
        try:
            if self._job.tries > MOST_TRIES:
                raise GivenUp
            await self._run()
        except (Fenced, JobsUnavailable):  # the next attempt goes on where this one was
            logger.warning("Attempt %d at %s counts no more.", self._job.attempt, self._job.id)
        except (asyncio.CancelledError, ShuttingDown) as error:
            with suppress(Fenced, JobsUnavailable):
                await self._store.update(self._job, lease=0, tries=self._job.tries - 1)
            if isinstance(error, asyncio.CancelledError):
                raise
        except BaseException as error:  # noqa: BLE001 - whatever a source or an encoder raises
            await self._fail(error)

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                beating = tasks.create_task(self._beat())
                await self._export(tasks)
                beating.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        progress = self._progress().model_copy(update={"percent": 100.0, "seconds_left": 0.0})
        await self._end("complete", progress=progress)

    async def _export(self, tasks: asyncio.TaskGroup) -> None:
        choice = await choose(self._job.source, QueryParams(self._job.query))
        cursor = await self._begin()
        counting = tasks.create_task(self._count(choice))
        async with aclosing(choice.read_on(cursor)) as rows:
            cutting = Cutting(rows, batch_export_settings().segment_bytes)
            while not self._segments or await cutting.has_more():
                await self._make_segment(cutting, choice.make_encoder())
        counting.cancel()

    async def _begin(self) -> Cursor:
        """Where to read on: behind the last segment, or from the beginning if one is not there."""
        job, kept = self._job, {segment.file for segment in self._segments}
        if not kept <= {*await self._storage.names(job.id)}:  # a Redis came back as it once was
            self._segments, self._rows_before, kept = [], 0, set()
        cursor = job.cursor if self._segments else None
        start = {"segments": self._segments, "cursor": cursor, "progress": self._progress()}
        await self._store.update(job, **start)
        await self._storage.remove_older(job.id, job.attempt, kept)
        return cursor

    async def _make_segment(self, cutting: Cutting, encoder: Encoder) -> None:
        job, number = self._job, len(self._segments) + 1
        name = name_of(number, job.attempt, encoder.name)
        writer = await self._storage.create(job.id, name)
        try:
            self._cutting, self._writer = cutting, writer
            async with aclosing(encode_batches(cutting.portion(), encoder)) as chunks:
                async for chunk in chunks:
                    await writer.write(chunk)
            segment = await writer.finish(cutting.rows)
        except BaseException:
            await writer.discard()
            raise
        finally:
            self._cutting = self._writer = None
        self._segments = [*self._segments, segment]
        made = {"segments": self._segments, "cursor": cutting.cursor, "progress": self._progress()}
        if cutting.cursor is not None:  # nobody has to make it again
            made["tries"] = 0
        try:
            # Where nobody can tell whether it was written, the next attempt sees it.
            await self._store.update(job, **made)
        except Fenced:
            await writer.discard()
            raise

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(lease_seconds() / BEATS_PER_LEASE)
            with suppress(JobsUnavailable):
                await self._store.update(self._job, progress=self._progress())

    async def _count(self, choice: Choice) -> None:
        with suppress(HTTPException):  # what cannot be read does not fail twice
            self._total = await choice.count()

    def _progress(self) -> Progress:
        rows = sum(segment.rows for segment in self._segments)
        size = sum(segment.bytes for segment in self._segments)
        if self._cutting and self._writer:
            rows += self._cutting.rows
            size += self._writer.bytes
        if self._total is None or rows == self._rows_before:
            return Progress(rows=rows, bytes=size)
        left = max(self._total - rows, 0)
        pace = (monotonic() - self._began) / (rows - self._rows_before)
        percent = 100 * rows / max(self._total, rows)
        return Progress(
            rows=rows, bytes=size, percent=round(percent, 1), seconds_left=round(left * pace, 1)
        )

    async def _fail(self, error: BaseException) -> None:
        if not isinstance(error, HTTPException):
            logger.error("Export %s has failed.", self._job.id, exc_info=error)
        known = error if isinstance(error, Exception) else RuntimeError()
        problem = describe(known).model_dump(exclude_none=True)
        with suppress(Fenced, JobsUnavailable):  # where that is not known, the next attempt fails
            # It has to be over first: until then, another worker may have taken it.
            await self._end("failed", problem=problem, segments=[], cursor=None)
            await self._storage.try_to_remove(self._job.id)

    async def _end(self, status: str, **changes: Any) -> None:
        expires = time() + batch_export_settings().expire_seconds
        await self._store.update(self._job, status=status, expires=expires, **changes)
