"""The service with records that break off."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from fastapi import HTTPException
from pydantic import AwareDatetime, BaseModel

from {{ cookiecutter.package_name }}.modules.jsonl import (
    record_source,
    source,
)

from tests.records.readings_app import app

__all__ = ["app"]
ROWS, BATCH_ROWS = 3_000, 1_000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
Batches = AsyncGenerator[Any, None]


class Killed(BaseException):
    """No handler catches it: the stream ends without last words, as when the process is killed."""


class Reading(BaseModel):
    id: int
    site: str
    recorded_at: AwareDatetime


class Readings(record_source.RecordSource):
    record = Reading
    key = "id"

    async def batches(self, query: record_source.RecordQuery) -> Batches:
        for first in range((query.after or 0) + 1, ROWS + 1, BATCH_ROWS):
            ids = range(first, min(first + BATCH_ROWS, ROWS + 1))
            columns = {
                "id": [*ids],
                "site": [["Lyon", "São Paulo"][number % 2] for number in ids],
                "recorded_at": [BEGIN + timedelta(seconds=number) for number in ids],
            }
            yield pa.record_batch({field: columns[field] for field in query.fields})


class Dies(Readings):
    """Breaks off for who asks from the beginning on, and not for who resumes."""

    async def batches(self, query: record_source.RecordQuery) -> Batches:
        async for batch in super().batches(query):
            yield batch
            if query.after is None:
                raise Killed


class Fails(Readings):
    """Fails behind the second record, whoever asks."""

    async def batches(self, query: record_source.RecordQuery) -> Batches:
        async for batch in super().batches(query):
            yield batch[: 2 if query.after is None else 0]
            raise RuntimeError("the source has failed")


class IsDown(Readings):
    async def batches(self, query: record_source.RecordQuery) -> Batches:
        raise HTTPException(503, "The database is down.")
        yield


class Waits(Readings):
    async def batches(self, query: record_source.RecordQuery) -> Batches:
        async for batch in super().batches(query):
            yield batch
            await asyncio.sleep(3600)


class Generous(Readings):
    """Sends single records, and more of them than it is asked for."""

    async def batches(self, query: record_source.RecordQuery) -> Batches:
        for number in range(query.after or 0, 10):
            yield {"id": number + 1}


source.SOURCES.clear()
source.SOURCES.update(dies=Dies(), fails=Fails(), down=IsDown(), waits=Waits(), generous=Generous())
