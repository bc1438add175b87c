"""What is known of a job."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

Status = Literal["accepted", "running", "complete", "failed", "cancelled"]
# Of those, the ones that may become another.
UNFINISHED = ("accepted", "running")


class Progress(BaseModel):
    rows: int = 0
    bytes: int = 0
    percent: Annotated[
        float | None, Field(description="Of the rows; null while their count is not known.")
    ] = None
    seconds_left: Annotated[float | None, Field(description="At the pace so far.")] = None


class Segment(BaseModel):
    """A whole file of the job's format, in the folder of the job."""

    file: str
    rows: int
    bytes: int
    sha256: str


class Job(BaseModel):
    """A job as it is stored; times are seconds since 1970 (UTC).

    Whoever makes its segments has taken an `attempt`, which is his as long as he renews its
    `lease`: a number that is no longer the newest changes nothing any more.
    """

    id: str
    client: str
    key: str | None
    source: str
    query: str
    format: str
    status: Status = "accepted"
    attempt: int = 0
    tries: Annotated[int, Field(description="Attempts since the last segment that is kept.")] = 0
    lease: float = 0
    created: float
    expires: float | None = None
    progress: Progress = Progress()
    cursor: Annotated[str | None, Field(description="Behind the last whole segment.")] = None
    segments: list[Segment] = []
    problem: dict[str, Any] | None = None
