from functools import cache
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

CHUNK_BYTES = 64 * 1024


class StreamingSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="STREAMING_", env_file=".env", extra="ignore")

    min_bytes_per_second: Annotated[
        int, Field(ge=1, description="A reader that is slower than this is dropped.")
    ] = 2048
    shutdown_grace_seconds: Annotated[
        float, Field(ge=0, description="How long finite streams may go on after SIGTERM.")
    ] = 20

    @property
    def chunk_seconds(self) -> float:
        """How long a reader may take for `CHUNK_BYTES`."""
        return CHUNK_BYTES / self.min_bytes_per_second


@cache
def streaming_settings() -> StreamingSettings:
    return StreamingSettings()
