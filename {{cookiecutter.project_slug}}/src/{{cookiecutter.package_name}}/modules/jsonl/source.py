"""The records at `/records/{source}`: put your own sources here."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any

import pyarrow as pa
from anyio.to_thread import run_sync
from pydantic import BaseModel, Field

from ...demo.readings import Reading
from ...demo.records import open_readings, record_readings
from ...records.database import Query, keyset_batches, run_in_thread
from .record_source import Instant, RecordQuery, RecordSource
from .settings import jsonl_settings


class ReadingFilters(BaseModel):
    site: Annotated[str | None, Field(description="Only readings of this site.")] = None
    sensor: Annotated[str | None, Field(description="Only readings of this sensor.")] = None
    recorded_from: Annotated[
        Instant | None, Field(description="Only readings from this time on.")
    ] = None
    recorded_before: Annotated[
        Instant | None, Field(description="Only readings before this time.")
    ] = None


CONDITIONS = {
    "site": "site = $site",
    "sensor": "sensor = $sensor",
    "recorded_from": "recorded_at >= $recorded_from",
    "recorded_before": "recorded_at < $recorded_before",
}

HEADINGS = {
    "de": {"site": "Ort", "recorded_at": "Gemessen am (UTC)", "value": "Wert", "note": "Notiz"},
    "fr": {"sensor": "Capteur", "recorded_at": "Mesuré le (UTC)", "value": "Valeur"},
    "ja": {"sensor": "センサー", "site": "地点", "recorded_at": "測定時刻 (UTC)", "note": "備考"},
}


class Readings(RecordSource):
    record = Reading
    key = "id"
    filters = ReadingFilters
    headings = HEADINGS

    async def batches(self, query: RecordQuery) -> AsyncGenerator[pa.RecordBatch, None]:
        filters = query.filters.model_dump(exclude_none=True)
        condition = " AND ".join(CONDITIONS[name] for name in filters) or "true"
        fields = ", ".join(f'"{field}"' for field in query.fields)
        sql = f"SELECT {fields} FROM readings WHERE {condition}"  # noqa: S608
        batches = keyset_batches(
            await run_in_thread(record_readings),
            Query(sql, filters),
            key=self.key,
            after=query.after,
            limit=query.limit,
            batch_rows=jsonl_settings().batch_rows,
        )
        async with aclosing(batches):
            async for batch in batches:
                yield batch


SOURCES: dict[str, RecordSource] = {"readings": Readings()}


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[None, None]:
    await run_sync(open_readings)
    yield
