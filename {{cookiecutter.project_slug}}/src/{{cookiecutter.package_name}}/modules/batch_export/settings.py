from functools import cache
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class BatchExportSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="BATCH_EXPORT_", env_file=".env", extra="ignore")

    batch_rows: Annotated[int, Field(ge=1, description="Most rows in a batch.")] = 4_096


batch_export_settings = cache(BatchExportSettings)
