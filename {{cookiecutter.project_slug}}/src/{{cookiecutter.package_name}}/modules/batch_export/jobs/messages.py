"""What clients send and are sent of jobs."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from ....streaming.problems import Problem
from ..parameters import Parameters
from .job import Job, Progress, Status

Value = str | bool | int | float | None


def _describe_parameters(schema: dict[str, Any]) -> None:
    """Those of all tables; each has more of its own."""
    schema["properties"] |= Parameters.model_json_schema()["properties"]
    schema["properties"]["columns"] = {"type": "array", "items": {"type": "string"}}
    schema["examples"] = [{"source": "readings", "format": "parquet", "site": "Lyon"}]


class ExportRequest(BaseModel):
    """What is exported: the parameters of `GET /exports/{source}`, and `source`."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_describe_parameters)
    __pydantic_extra__: dict[str, Value | list[Value]] = Field(init=False)  # ty: ignore[incompatible-mutable-override]

    source: Annotated[str, Field(description="A name of `/exports/{source}`.")]

    def query(self) -> list[tuple[str, str]]:
        """The parameters as those of a query; what is null was not said."""
        extra = self.__pydantic_extra__
        lists = {name: each if isinstance(each, list) else [each] for name, each in extra.items()}
        pairs = ((name, value) for name, values in lists.items() for value in values)
        return [(name, _to_text(value)) for name, value in pairs if value is not None]


def _to_text(value: Value) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


class SegmentStatus(BaseModel):
    """A file of the job's format, whole in itself: `bytes` and `sha256` are those of the file."""

    url: str
    rows: int
    bytes: int
    sha256: str
    expires: datetime


class JobStatus(BaseModel):
    """How far a job is. It has `segments` when it is complete, and a `problem` when it has failed."""

    id: str
    status: Status
    source: str
    format: str
    created: datetime
    expires: Annotated[
        datetime | None, Field(description="When it is forgotten; null while it is not over.")
    ]
    progress: Progress
    segments: list[SegmentStatus]
    problem: Problem | None


def status_of(job: Job, url_of_segment: Callable[[int], str]) -> JobStatus:
    """Nothing is offered of a job that is not complete."""
    values: dict[str, Any] = job.model_dump(include={*JobStatus.model_fields})
    expires = job.expires and _time(job.expires)
    offered = job.segments if job.status == "complete" else []
    segments = [
        {**segment.model_dump(), "url": url_of_segment(number), "expires": expires}
        for number, segment in enumerate(offered, start=1)
    ]
    times = {"created": _time(job.created), "expires": expires}
    return JobStatus.model_validate(values | times | {"segments": segments})


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
