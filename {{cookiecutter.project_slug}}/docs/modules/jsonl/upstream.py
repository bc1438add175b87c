"""The records at `/records/{source}`, relayed from another service: put your own here."""

import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Annotated, Any, Literal

import httpx2
import pyarrow as pa
from fastapi import HTTPException
from pydantic import AwareDatetime, BaseModel, Field, SecretStr, TypeAdapter, ValidationError
from pydantic_settings import SettingsConfigDict

from ...records.filters import Instant
from ...records.formats import Batch
from ...streaming.settings import EnvironmentSettings
from .record_source import RecordQuery, RecordSource

MOST_LINE_BYTES = 1024 * 1024

logger = logging.getLogger(__name__)


class UpstreamSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="UPSTREAM_")

    url: Annotated[str, Field(description="As in `https://other.example/records/readings`.")]
    token: Annotated[SecretStr | None, Field(description="Bearer token, if one is needed.")] = None
    timeout_seconds: Annotated[
        float, Field(gt=0, description="Longest wait to be connected, and for more records.")
    ] = 30.0


class Reading(BaseModel):
    id: int
    sensor: str
    site: str
    recorded_at: AwareDatetime
    value: float
    note: str | None
    cursor: Annotated[str, Field(validation_alias="@cursor", description="Where upstream resumes.")]


class End(BaseModel):
    status: Literal["complete"]


class EndRecord(BaseModel):
    end: Annotated[End, Field(validation_alias="@end")]


LINE: TypeAdapter[Reading | EndRecord] = TypeAdapter(
    Annotated[Reading | EndRecord, Field(union_mode="left_to_right")]
)


class ReadingFilters(BaseModel):
    site: Annotated[str | None, Field(description="Only readings of this site.")] = None
    recorded_at_from: Annotated[
        Instant | None, Field(description="Only readings from this time on.")
    ] = None


class Readings(RecordSource):
    record = Reading
    key = "cursor"
    filters = ReadingFilters
    client: httpx2.AsyncClient
    url: httpx2.URL

    async def batches(self, query: RecordQuery) -> AsyncGenerator[Batch, None]:
        batch: Batch | None = None
        with failures_as_problems():
            async with (
                self.client.stream("GET", self.url_for(query)) as response,
                aclosing(records_of(response)) as batches,
            ):
                async for batch in batches:
                    yield batch
        if batch is None:
            yield pa.record_batch({name: [] for name in query.fields})

    def url_for(self, query: RecordQuery) -> httpx2.URL:
        filters = query.filters.model_dump(mode="json")
        parameters = {"after": query.after, "limit": query.limit, **filters}
        asked = {name: value for name, value in parameters.items() if value is not None}
        return self.url.copy_merge_params({"end": "true", "cursors": "true", **asked})


async def records_of(response: httpx2.Response) -> AsyncGenerator[list[Reading], None]:
    """Yield what comes, and read on once that is taken. Raises if upstream does not say the end."""
    if response.status_code != HTTPStatus.OK:
        raise upstream_problem(HTTPStatus.BAD_GATEWAY, f"status {response.status_code}")
    rest = b""
    is_complete = False
    async with aclosing(response.aiter_bytes()) as chunks:
        async for chunk in chunks:
            # `aiter_lines` would also split at U+2028, which texts in JSON may have.
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > MOST_LINE_BYTES:
                raise upstream_problem(HTTPStatus.BAD_GATEWAY, "a line that is too long")
            records = [LINE.validate_json(line) for line in lines if line]
            readings = [record for record in records if isinstance(record, Reading)]
            is_complete = len(readings) < len(records)
            if readings:
                yield readings
    if not is_complete:
        raise upstream_problem(HTTPStatus.BAD_GATEWAY, "no end record")


@contextmanager
def failures_as_problems() -> Generator[None]:
    """Say what has failed by its class: the text may have a URL, a token or a record in it."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise upstream_problem(HTTPStatus.GATEWAY_TIMEOUT, type(error).__name__) from error
    except (httpx2.RequestError, ValidationError) as error:
        raise upstream_problem(HTTPStatus.BAD_GATEWAY, type(error).__name__) from error


def upstream_problem(status: HTTPStatus, reason: str) -> HTTPException:
    logger.warning("Upstream has failed: %s", reason)
    return HTTPException(status, f"The upstream service has failed: {reason}.")


readings = Readings()
SOURCES: dict[str, RecordSource] = {"readings": readings}


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[None, None]:
    settings = UpstreamSettings()
    # What is not compressed cannot grow in memory.
    headers = {"Accept": "application/jsonl", "Accept-Encoding": "identity"}
    if settings.token:
        headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
    readings.url = httpx2.URL(settings.url)
    async with httpx2.AsyncClient(
        headers=headers,
        timeout=settings.timeout_seconds,
        limits=httpx2.Limits(max_connections=None),  # each open stream has one of its own
    ) as readings.client:
        yield
