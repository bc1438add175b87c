"""The records at `/records/{source}`: put your own sources here."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pyarrow as pa
from anyio.to_thread import run_sync

from ...streaming.database import keyset_batches
from ...streaming.demo import Reading, open_readings
from .records import RecordSource
from .settings import JsonlSettings


class Readings(RecordSource):
    record = Reading

    def batches(
        self, *, after: int | None, limit: int | None
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        return keyset_batches(
            open_readings(),
            "FROM readings",
            key="id",
            after=after,
            limit=limit,
            batch_rows=JsonlSettings().batch_rows,
        )


SOURCES: dict[str, RecordSource] = {"readings": Readings()}


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[None, None]:
    await run_sync(open_readings)
    yield
