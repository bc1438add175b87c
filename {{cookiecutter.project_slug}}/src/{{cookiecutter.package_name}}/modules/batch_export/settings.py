from functools import cache
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from ...streaming.settings import EnvironmentSettings


class BatchExportSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="BATCH_EXPORT_")

    batch_rows: Annotated[int, Field(ge=1, description="Most rows in a batch.")] = 4_096


batch_export_settings = cache(BatchExportSettings)
