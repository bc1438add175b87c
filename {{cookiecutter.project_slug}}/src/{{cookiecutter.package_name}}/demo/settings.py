from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from ..streaming.settings import EnvironmentSettings


class DemoSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="DEMO_")

    rows: Annotated[int, Field(ge=1, description="How many sensor readings are made.")] = 100_000
    period_seconds: Annotated[
        float, Field(gt=0, description="Time from one live reading to the next.")
    ] = 1.0
    folder: Annotated[Path, Field(description="Where the demo data is kept.")] = Path("data/demo")


demo_settings = cache(DemoSettings)
