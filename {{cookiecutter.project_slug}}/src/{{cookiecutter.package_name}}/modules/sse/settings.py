import re
from functools import cache
from typing import Annotated

from pydantic import BeforeValidator, Field, RedisDsn
from pydantic_settings import NoDecode, SettingsConfigDict

from ...streaming.settings import EnvironmentSettings


def _split(value: object) -> object:
    """The words of a list, with commas between them or as JSON."""
    return re.findall(r'[^\s,"\[\]]+', value) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class SseSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="SSE_")

    broker_url: Annotated[
        RedisDsn | None,
        Field(description="Redis that all processes share; none: within each process."),
    ] = None
    log_bytes: Annotated[
        int, Field(ge=1, description="Most bytes of memory for the events of all topics.")
    ] = 8 * 1024 * 1024
    topic_bytes: Annotated[
        int, Field(ge=1, description="Most bytes of memory for the events of one topic.")
    ] = 1024 * 1024
    event_seconds: Annotated[
        float, Field(gt=0, description="How long an event is kept for those that resume.")
    ] = 24 * 3600
    max_topics: Annotated[
        int, Field(ge=1, description="Topics at once; events for more get 503.")
    ] = 1000
    gather_milliseconds: Annotated[
        int, Field(ge=0, description="How long events wait for others that go out with them.")
    ] = 20
    heartbeat_seconds: Annotated[
        float, Field(gt=0, description="The longest silence of a stream.")
    ] = 15
    retry_milliseconds: Annotated[
        int, Field(ge=0, description="Longest wait before a reconnect after a shutdown.")
    ] = 5_000
    publish_token: Annotated[
        str | None, Field(description="Who publishes has to send it; none: everybody may.")
    ] = None
    publish_topics: Annotated[
        Words | None, Field(description="Topics that may be published to; none: those not our own.")
    ] = None
    allow_origins: Annotated[
        Words, Field(description="Origins of pages that may read and publish, with cookies.")
    ] = ()
    compress: Annotated[
        bool, Field(description="Compress streams: less to send, more memory and time for each.")
    ] = False
    hand_over: Annotated[
        bool, Field(description="Let requests end while their streams go on; saves memory.")
    ] = True


@cache
def sse_settings() -> SseSettings:
    return SseSettings()
