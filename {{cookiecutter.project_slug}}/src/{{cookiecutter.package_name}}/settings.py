from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of the whole service, read from the environment and from `.env`."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    max_body_bytes: Annotated[
        int, Field(ge=0, description="Largest request body; a larger one gets 413.")
    ] = 1024 * 1024
