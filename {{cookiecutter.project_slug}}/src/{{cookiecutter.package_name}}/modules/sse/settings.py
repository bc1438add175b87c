from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from ...streaming.settings import EnvironmentSettings


class SseSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="SSE_")

    log_bytes: Annotated[
        int, Field(ge=1, description="Most bytes of memory for events kept for those that resume.")
    ] = 8 * 1024 * 1024
    retry_milliseconds: Annotated[
        int, Field(ge=0, description="Longest wait before a reconnect after a shutdown.")
    ] = 5_000
