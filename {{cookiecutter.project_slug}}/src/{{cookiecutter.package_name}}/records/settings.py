from functools import cache
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from ..streaming.settings import EnvironmentSettings
from .connections import connector_of

Key = str | list[str] | None


def _check_url(url: SecretStr) -> SecretStr:
    connector_of(url.get_secret_value())
    return url


class RecordSettings(EnvironmentSettings):
    """Which database and which of its tables are served: for every module that serves them."""

    database_url: Annotated[
        Annotated[SecretStr, AfterValidator(_check_url)] | None,
        Field(
            description="`duckdb:///relative.duckdb`, `postgresql://user:password@host/name`; without "
            "it, the demo's.",
        ),
    ] = None
    tables: Annotated[
        dict[str, Key] | None,
        Field(
            description='Tables with their keys, `{"orders": "id"}`; without it, those of `source.py`.',
        ),
    ] = None
    database_pool_size: Annotated[
        int,
        Field(
            ge=1,
            description="Most connections of a process for pages, and as many again for exports that "
            "are one snapshot.",
        ),
    ] = 10
    database_timeout_seconds: Annotated[
        float, Field(gt=0, description="Longest wait for a connection and a page.")
    ] = 30.0


record_settings = cache(RecordSettings)
