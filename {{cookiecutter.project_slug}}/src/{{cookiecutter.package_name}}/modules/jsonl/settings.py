from functools import cache
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from ...streaming.settings import EnvironmentSettings


class JsonlSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="JSONL_")

    batch_rows: Annotated[int, Field(ge=1, description="Most records in a batch.")] = 2_048
    end_record: Annotated[
        bool, Field(description="End JSON Lines with an end record unless `?end=false` is asked.")
    ] = False
    follow_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="Time until a source that is followed is asked again, if it does not say "
            "that there is more.",
        ),
    ] = 1.0
    heartbeat_seconds: Annotated[
        float, Field(gt=0, description="Longest pause in a stream that is followed.")
    ] = 15.0


jsonl_settings = cache(JsonlSettings)
