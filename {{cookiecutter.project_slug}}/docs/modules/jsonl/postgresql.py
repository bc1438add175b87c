"""The records at `/records/{source}`, from tables in PostgreSQL: put your own here."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any

import asyncpg
import pyarrow as pa
from fastapi import HTTPException
from pydantic import AwareDatetime, BaseModel, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from ...records.filters import Instant
from ...streaming.settings import EnvironmentSettings
from .record_source import RecordQuery, RecordSource, last_key
from .settings import jsonl_settings

logger = logging.getLogger(__name__)


class DatabaseSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="DATABASE_")

    url: Annotated[SecretStr, Field(description="`postgresql://user:password@host/database`")]
    pool_size: Annotated[int, Field(ge=1, description="Most connections of a process.")] = 10
    timeout_seconds: Annotated[
        float, Field(gt=0, description="Longest wait for a connection, and for a page.")
    ] = 10.0


class Reading(BaseModel):
    id: int
    sensor: str
    site: str
    recorded_at: AwareDatetime
    value: float
    note: str | None


SCHEMA = {
    "id": pa.int64(),
    "sensor": pa.string(),
    "site": pa.string(),
    "recorded_at": pa.timestamp("us", "UTC"),
    "value": pa.float64(),
    "note": pa.string(),
}


class ReadingFilters(BaseModel):
    site: Annotated[str | None, Field(description="Only readings of this site.")] = None
    recorded_from: Annotated[
        Instant | None, Field(description="Only readings from this time on.")
    ] = None


CONDITIONS = {"after": "id > {}", "site": "site = {}", "recorded_from": "recorded_at >= {}"}

# A connection that cannot be had or is lost, a timeout (an `OSError`), a server that shuts down.
UNAVAILABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.OperatorInterventionError,
)


class Readings(RecordSource):
    record = Reading
    key = "id"
    filters = ReadingFilters
    settings: DatabaseSettings
    pool: asyncpg.Pool

    async def batches(self, query: RecordQuery) -> AsyncGenerator[pa.RecordBatch, None]:
        most = jsonl_settings().batch_rows
        while True:
            rows = min(most, query.limit or most)
            page = await self.fetch_page(query, rows)
            yield page
            limit = query.limit and query.limit - len(page)
            if len(page) < rows or limit == 0:
                return
            query = replace(query, after=last_key(page, self.key), limit=limit)

    async def fetch_page(self, query: RecordQuery, rows: int) -> pa.RecordBatch:
        """The first `rows` behind `query.after`; its connection is back in the pool then."""
        sql, values = page_sql(query, rows)
        try:
            async with self.pool.acquire(timeout=self.settings.timeout_seconds) as connection:
                page = await connection.fetch(sql, *values)
        except asyncpg.DataError as error:  # such as U+0000 in a text
            raise HTTPException(422, "A filter has a value that PostgreSQL has not.") from error
        except UNAVAILABLE as error:
            logger.warning("The database does not answer: %r", error)
            raise HTTPException(503, "The database does not answer.") from error
        schema = pa.schema([(name, SCHEMA[name]) for name in query.fields])
        return pa.RecordBatch.from_pylist(page, schema)


def page_sql(query: RecordQuery, rows: int) -> tuple[str, list[Any]]:
    """The query for a page, and the values of its `$1`, `$2` and so on."""
    bounds = {"after": query.after, **query.filters.model_dump()}
    used = {name: value for name, value in bounds.items() if value is not None}
    conditions = [CONDITIONS[name].format(f"${n}") for n, name in enumerate(used, start=1)]
    sql = (
        f"SELECT {', '.join(query.fields)} FROM readings"  # noqa: S608
        f" WHERE {' AND '.join(conditions) or 'true'} ORDER BY id LIMIT ${len(used) + 1}"
    )
    return sql, [*used.values(), rows]


readings = Readings()
SOURCES: dict[str, RecordSource] = {"readings": readings}


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[None, None]:
    """Keep a pool that connects when it has to, so that the service starts before the database."""
    readings.settings = settings = DatabaseSettings()
    async with asyncpg.create_pool(
        settings.url.get_secret_value(),
        min_size=0,
        max_size=settings.pool_size,
        command_timeout=settings.timeout_seconds,
    ) as readings.pool:
        yield
