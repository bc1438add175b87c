from functools import cache
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from ...streaming.settings import EnvironmentSettings


class BatchExportSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="BATCH_EXPORT_")

    batch_rows: Annotated[int, Field(ge=1, description="Most rows in a batch.")] = 4_096
    snapshot_seconds: Annotated[
        float,
        Field(ge=0, description="Longest export that is one snapshot; 0: pages, without one."),
    ] = 3_600.0


batch_export_settings = cache(BatchExportSettings)
