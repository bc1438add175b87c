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
        Field(description="`redis://…`: events for all processes; without it, each has its own."),
    ] = None
    log_bytes: Annotated[
        int,
        Field(
            ge=1,
            description="Most memory for the events of all topics, kept for subscribers that resume; "
            "what is too much is taken from the largest topic.",
        ),
    ] = 8 * 1024 * 1024
    topic_bytes: Annotated[
        int, Field(ge=1, description="Most bytes of memory for the events of one topic.")
    ] = 1024 * 1024
    event_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How long an event is kept; then, a topic without subscribers is forgotten.",
        ),
    ] = 24 * 3600
    max_topics: Annotated[
        int, Field(ge=1, description="Topics at once; events for more get 503.")
    ] = 1000
    gather_milliseconds: Annotated[
        int,
        Field(
            ge=0,
            description="How long an event waits for others when another has just gone out.",
        ),
    ] = 20
    heartbeat_seconds: Annotated[
        float, Field(gt=0, description="The longest silence of a stream.")
    ] = 15
    retry_milliseconds: Annotated[
        int,
        Field(
            ge=0,
            description="Subscribers come back after a shutdown in 1 second to this.",
        ),
    ] = 5_000
    publish_token: Annotated[
        str | None,
        Field(
            description="Publishers have to send it: `Authorization: Bearer …`; without it, everybody "
            "may publish.",
        ),
    ] = None
    publish_topics: Annotated[
        Words | None,
        Field(
            description="Topics that are published to by HTTP, as `house,garden`; without it, all but "
            "those in `TOPICS`.",
        ),
    ] = None
    allow_origins: Annotated[
        Words,
        Field(
            description="Origins of pages that may read and publish, with cookies: "
            "`https://app.example.org`.",
        ),
    ] = ()
    compress: Annotated[
        bool, Field(description="Compress streams: less to send, more memory and time for each.")
    ] = False
    hand_over: Annotated[
        bool,
        Field(
            description="End the request of a stream once it has read all that there is; the stream "
            "goes on.",
        ),
    ] = True


@cache
def sse_settings() -> SseSettings:
    return SseSettings()
