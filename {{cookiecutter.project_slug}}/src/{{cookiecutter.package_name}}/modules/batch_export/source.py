"""The tables at `/exports/{source}`: put your own here."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pyarrow as pa
from anyio.to_thread import run_sync

from ...demo.readings import Reading
from ...demo.records import open_readings
from ...records.database import table_batches
from .settings import batch_export_settings
from .tables import TableSource


class Readings(TableSource):
    record = Reading

    def batches(self) -> AsyncGenerator[pa.RecordBatch, None]:
        return table_batches(open_readings(), "stored.readings", batch_export_settings().batch_rows)


SOURCES: dict[str, TableSource] = {"readings": Readings()}


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[None, None]:
    await run_sync(open_readings)
    yield
