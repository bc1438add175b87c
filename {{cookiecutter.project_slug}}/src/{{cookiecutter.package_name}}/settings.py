from typing import Annotated

from pydantic import Field

from .streaming.settings import EnvironmentSettings


class Settings(EnvironmentSettings):
    """Settings of the whole service, read from the environment and from `.env`."""

    max_body_bytes: Annotated[
        int, Field(ge=0, description="Largest request body; a larger one gets 413.")
    ] = 1024 * 1024
