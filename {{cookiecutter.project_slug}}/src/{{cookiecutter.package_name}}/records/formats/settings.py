from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from ...streaming.settings import EnvironmentSettings


def _check_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (OSError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone that is known here") from error


class FormatSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="RECORDS_")

    naive_time_zone: Annotated[
        str,
        AfterValidator(_check_zone),
        Field(description="In which zone times without one are (IANA name)."),
    ] = "UTC"
    guard_formulas: Annotated[
        bool, Field(description="Put an apostrophe before text in CSV that would run as a formula.")
    ] = True
    integers_as_text: Annotated[
        bool, Field(description="Write integers of 64 bits as text in JSON (RFC 7493, 2.2).")
    ] = False


format_settings = cache(FormatSettings)
