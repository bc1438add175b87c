from functools import cache
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

CHUNK_BYTES = 64 * 1024
# The extension of a scope (ASGI) that is the server adapter's `Connection`.
CONNECTION = "streaming.connection"


class EnvironmentSettings(BaseSettings):
    """Settings of one prefix, read from the environment and from `.env`; checked at the start."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")


class StreamingSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="STREAMING_")

    min_bytes_per_second: Annotated[
        int,
        Field(
            ge=1,
            description="A reader or a body that is slower is dropped; a reader that takes nothing, "
            "after 64 seconds (128 KiB at the default).",
        ),
    ] = 2048
    drain_delay_seconds: Annotated[
        float,
        Field(ge=0, description="How long the service is open, but not ready, after SIGTERM."),
    ] = 5
    shutdown_grace_seconds: Annotated[
        float, Field(ge=0, description="How long finite streams may go on after that.")
    ] = 20
    max_streams: Annotated[
        int, Field(ge=1, description="Streams that a process has open at once; more get 503.")
    ] = 2000
    max_streams_per_address: Annotated[
        int, Field(ge=1, description="Streams of one client address at once; more get 429.")
    ] = 1000
    max_header_bytes: Annotated[
        int, Field(ge=1024, description="Bytes of request line and headers, and of trailers.")
    ] = 32 * 1024
    max_header_fields: Annotated[
        int, Field(ge=1, description="Fields in the head of a request; more get 431.")
    ] = 100
    max_bodies: Annotated[
        int, Field(ge=1, description="Request bodies that arrive at once; more get 503.")
    ] = 100
    request_seconds: Annotated[
        float, Field(gt=0, description="How long the head of a request may take to arrive.")
    ] = 20

    @property
    def chunk_seconds(self) -> float:
        """How long a reader may take for `CHUNK_BYTES`."""
        return CHUNK_BYTES / self.min_bytes_per_second

    blocking_sources: Annotated[
        int,
        Field(
            ge=1,
            description="Sources that block (`def` generators, cursors) open at once, with a thread "
            "each; another one waits for five seconds and then gets 503.",
        ),
    ] = 250


@cache
def streaming_settings() -> StreamingSettings:
    return StreamingSettings()
