"""Attempts at jobs and the sweep, with the store and the folder of segments in this process."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel

from {{ cookiecutter.package_name }}.modules.batch_export import (
    source,
    table_source,
)
from {{ cookiecutter.package_name }}.modules.batch_export.jobs import (
    attempt,
    storage,
)
from {{ cookiecutter.package_name }}.modules.batch_export.jobs.attempt import (
    MOST_TRIES,
    Attempt,
)
from {{ cookiecutter.package_name }}.modules.batch_export.jobs.folder import (
    SegmentFolder,
)
from {{ cookiecutter.package_name }}.modules.batch_export.jobs.job import (
    Job,
    Segment,
)
from {{ cookiecutter.package_name }}.modules.batch_export.jobs.runner import (
    Runner,
)
from {{ cookiecutter.package_name }}.modules.batch_export.jobs.sqlite_store import (
    SqliteStore,
)
from {{ cookiecutter.package_name }}.modules.batch_export.jobs.store import (
    Fenced,
)
from {{ cookiecutter.package_name }}.modules.batch_export.settings import (
    BatchExportSettings,
)

from tests.modules.batch_export.jobs import wait_until


class Number(BaseModel):
    number: int


class Numbers(table_source.TableSource):
    """What happens before the second batch is up to the test."""

    record = Number

    def __init__(self, between: Callable[[], Awaitable[None]]) -> None:
        self._between = between

    async def batches(self) -> AsyncGenerator[list[Number]]:
        yield [Number(number=1)]
        await self._between()
        yield [Number(number=2)]


class Place(NamedTuple):
    root: Path
    store: SqliteStore
    storage: SegmentFolder

    def files(self, job: Job) -> set[str]:
        return {path.name for path in (self.root / job.id).glob("*")}

    async def create(self) -> Job:
        id = await self.store.new_id()
        job = Job(id=id, client="", key=None, source="mine", query="", format="csv", created=0)
        return await self.store.create(job, most=9, most_of_client=9)

    async def claim(self) -> Job:
        job = await self.store.claim()
        assert job
        return job

    async def read(self, id: str) -> Job:
        found = await self.store.find(id)
        assert found
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, SqliteStore(tmp_path / "jobs.sqlite"), SegmentFolder(tmp_path))


def run(place: Place, test: Callable[[], Awaitable[Any]]) -> None:
    async def run_and_close() -> None:
        await test()
        await place.store.close()

    asyncio.run(asyncio.wait_for(run_and_close(), 30))


def test_nobody_takes_a_job_whose_segments_are_being_removed(place, monkeypatch):
    taken: list[Job | None] = []

    class SlowFolder(SegmentFolder):
        async def remove(self, job: str, names: Collection[str] | None = None) -> None:
            with suppress(Fenced):
                await place.store.update(await place.read(job), lease=0)
            taken.append(await place.store.claim())
            await super().remove(job, names)

    async def fail() -> None:
        raise LookupError

    async def test() -> None:
        await place.create()
        job = await place.claim()
        await Attempt(job, place.store, SlowFolder(place.root)).run()
        assert (await place.read(job.id)).status == "failed"
        assert taken == [None]
        assert not place.files(job)

    monkeypatch.setitem(source.SOURCES, "mine", Numbers(fail))
    run(place, test)


@asynccontextmanager
async def running(runner: Runner) -> AsyncGenerator[None]:
    task = asyncio.create_task(runner.run())
    yield
    task.cancel()
    await asyncio.wait([task])


def test_a_sweep_leaves_the_jobs_of_another_store_alone(place, tmp_path):
    other = SqliteStore(tmp_path / "other" / "jobs.sqlite")

    async def test() -> None:
        theirs, left = await other.new_id(), await place.store.new_id()
        mine = (await place.create()).id
        await place.claim()
        for id in (theirs, left, mine):
            (tmp_path / id).mkdir()
        async with running(Runner(place.store, place.storage)):
            await asyncio.to_thread(wait_until, lambda: not (tmp_path / left).exists())
        assert {*await place.storage.jobs()} == {theirs, mine}
        await other.close()

    run(place, test)


async def nothing() -> None:
    pass


def test_a_storage_that_hangs_keeps_nobody_from_claiming_or_cancelling(place, monkeypatch):
    class Hanging(SegmentFolder):
        async def jobs(self) -> list[str]:
            return await asyncio.Future()

        async def remove(self, job: str, names: Collection[str] | None = None) -> None:
            await asyncio.Future()

    async def test() -> None:
        job, hanging = await place.create(), Hanging(place.root)
        async with running(Runner(place.store, hanging)):
            await asyncio.to_thread(wait_until, lambda: place.files(job))
        await hanging.try_to_remove(job.id)

    monkeypatch.setattr(storage, "REMOVE_SECONDS", 0.01)
    monkeypatch.setitem(source.SOURCES, "mine", Numbers(nothing))
    run(place, test)


def test_an_attempt_whose_segments_are_gone_begins_again(place, monkeypatch):
    lost = Segment(file="1-1.csv", rows=1, bytes=9, sha256="")

    async def test() -> None:
        await place.create()
        job = await place.claim()
        await place.store.update(job, segments=[lost], cursor="behind it", lease=0)
        second = await place.claim()
        await Attempt(second, place.store, place.storage).run()
        found = await place.read(job.id)
        assert (found.status, found.cursor, found.progress.rows) == ("complete", None, 2)
        assert {segment.file for segment in found.segments} == place.files(job) == {"1-2.csv"}

    monkeypatch.setitem(source.SOURCES, "mine", Numbers(nothing))
    run(place, test)


def test_a_job_without_a_key_that_ends_each_attempt_is_given_up(place, monkeypatch):
    """Segments that are made again do not count."""

    class Killed(BaseException):
        pass

    class KilledAttempt(Attempt):
        async def _fail(self, error: BaseException) -> None:
            if not isinstance(error, Killed):
                await super()._fail(error)

    async def kill() -> None:
        raise Killed

    async def test() -> None:
        job = await place.create()
        for _ in range(MOST_TRIES + 1):
            claimed = await place.claim()
            await KilledAttempt(claimed, place.store, place.storage).run()
            with suppress(Fenced):
                await place.store.update(claimed, lease=0)
        found = await place.read(job.id)
        assert found.problem
        assert found.problem["type"] == "/problems/given-up"

    settings = BatchExportSettings(segment_bytes=1)
    monkeypatch.setattr(attempt, "batch_export_settings", lambda: settings)
    monkeypatch.setitem(source.SOURCES, "mine", Numbers(kill))
    run(place, test)
