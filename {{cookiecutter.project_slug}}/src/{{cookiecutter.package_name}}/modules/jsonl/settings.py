from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class JsonlSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="JSONL_", env_file=".env", extra="ignore")

    batch_rows: Annotated[int, Field(ge=1, description="Most records in a batch.")] = 5_000
    end_record: Annotated[
        bool, Field(description="End JSON Lines with an end record unless `?end=false` is asked.")
    ] = False
