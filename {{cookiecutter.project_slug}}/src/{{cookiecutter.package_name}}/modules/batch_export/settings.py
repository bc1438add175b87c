from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pydantic import Field, RedisDsn
from pydantic_settings import SettingsConfigDict

from ...streaming.settings import EnvironmentSettings


class BatchExportSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="BATCH_EXPORT_")

    batch_rows: Annotated[int, Field(ge=1, description="Most rows in a batch.")] = 20_480
    snapshot_seconds: Annotated[
        float,
        Field(ge=0, description="Longest export that is one snapshot; 0: pages, without one."),
    ] = 3_600.0
    transform_processes: Annotated[
        int, Field(ge=0, description="Processes that transform batches; 0: threads of this one.")
    ] = 0
    jobs_url: Annotated[
        RedisDsn | None,
        Field(description="`redis://…` has the jobs, and workers make them; none: `jobs.sqlite`."),
    ] = None
    storage_url: Annotated[
        str | None,
        Field(
            pattern="^(file:///|(s3|gs|az)://)",
            description="Where segments are, `s3://bucket/exports`; none: the folder `data/exports`.",
        ),
    ] = None
    lease_seconds: Annotated[
        float, Field(gt=0, description="A job goes on elsewhere after such a silence.")
    ] = 5
    segment_bytes: Annotated[
        int, Field(ge=1, description="Of the rows in a segment, as they are in memory.")
    ] = 64 * 1024 * 1024
    expire_seconds: Annotated[
        float, Field(gt=0, description="How long a job is kept once it is over.")
    ] = 24 * 3_600
    parallel_jobs: Annotated[
        int, Field(ge=0, description="Jobs that a process makes at once; 0: it makes none.")
    ] = 2
    max_jobs: Annotated[
        int, Field(ge=1, description="Jobs that wait, run or are complete; more get 503.")
    ] = 1_000
    max_jobs_per_address: Annotated[
        int, Field(ge=1, description="Such jobs of one client address; more get 429.")
    ] = 100

    @property
    def folder(self) -> Path:
        """Where jobs and their segments are, unless a URL says that they are elsewhere."""
        parts = urlsplit(self.storage_url or "")
        return Path(url2pathname(parts.path)) if parts.scheme == "file" else Path("data/exports")


batch_export_settings = cache(BatchExportSettings)


def lease_seconds() -> float:
    return batch_export_settings().lease_seconds
