"""The service with records that break off."""

import asyncio
from collections.abc import AsyncGenerator
from importlib import import_module

from fastapi import HTTPException

from {{ cookiecutter.package_name }}.modules.jsonl import (
    record_source,
    source,
)
from {{ cookiecutter.package_name }}.records import (
    formats,
)


class Killed(BaseException):
    """No handler catches it: the stream ends without last words, as when the process is killed."""


Batches = AsyncGenerator[formats.Batch, None]


async def first_batch(query: record_source.RecordQuery) -> formats.Batch:
    batches = source.Readings().batches(query)
    try:
        return await anext(batches)
    finally:
        await batches.aclose()


class Dies(source.Readings):
    """Breaks off for who asks from the beginning on, and not for who resumes."""

    async def batches(self, query: record_source.RecordQuery) -> Batches:
        if query.after is None:
            yield await first_batch(query)
            raise Killed
        async for batch in super().batches(query):
            yield batch


class Fails(source.Readings):
    """Fails behind the second record, whoever asks."""

    async def batches(self, query: record_source.RecordQuery) -> Batches:
        batch = await first_batch(query)
        yield batch[:2] if query.after is None else batch[:0]
        raise RuntimeError("the source has failed")


class IsDown(source.Readings):
    async def batches(self, query: record_source.RecordQuery) -> Batches:
        raise HTTPException(503, "The database is down.")
        yield


class Waits(source.Readings):
    async def batches(self, query: record_source.RecordQuery) -> Batches:
        yield await first_batch(query)
        await asyncio.sleep(3600)


class Generous(source.Readings):
    """Sends single records, and more of them than it is asked for."""

    async def batches(
        self, query: record_source.RecordQuery
    ) -> AsyncGenerator[dict[str, int], None]:
        for number in range(query.after or 0, 10):
            yield {"id": number + 1}


# The routes are made of what is there when the app is imported.
source.SOURCES.update(dies=Dies(), fails=Fails(), down=IsDown(), waits=Waits())
source.SOURCES["generous"] = Generous()
app = import_module("{{ cookiecutter.package_name }}.main").app
