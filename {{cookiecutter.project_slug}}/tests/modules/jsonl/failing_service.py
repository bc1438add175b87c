"""The service with records that break off; the tests behind nginx serve it."""

import asyncio
from collections.abc import AsyncGenerator

import pyarrow as pa

from {{ cookiecutter.package_name }}.main import app
from {{ cookiecutter.package_name }}.modules.jsonl import source

__all__ = ["app"]


class Killed(BaseException):
    """No handler catches it: the stream ends without last words, as when the process is killed."""


async def first_batch(after: int | None, limit: int | None) -> pa.RecordBatch:
    batches = source.Readings().batches(after=after, limit=limit)
    try:
        return await anext(batches)
    finally:
        await batches.aclose()


class Dies(source.Readings):
    """Breaks off for who asks from the beginning on, and not for who resumes."""

    async def batches(
        self, *, after: int | None, limit: int | None
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        if after is None:
            yield await first_batch(after, limit)
            raise Killed
        async for batch in super().batches(after=after, limit=limit):
            yield batch


class Fails(source.Readings):
    """Fails behind the first batch, whoever asks."""

    async def batches(
        self, *, after: int | None, limit: int | None
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        batch = await first_batch(after, limit)
        yield batch if after is None else batch.slice(0, 0)
        raise RuntimeError("the source has failed")


class Waits(source.Readings):
    async def batches(
        self, *, after: int | None, limit: int | None
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        yield await first_batch(after, limit)
        await asyncio.sleep(3600)


source.SOURCES.update(dies=Dies(), fails=Fails(), waits=Waits())
