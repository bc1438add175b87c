from typing import Annotated

from pydantic import DirectoryPath, Field
from pydantic_settings import SettingsConfigDict

from ...streaming.settings import EnvironmentSettings


class FileDownloadSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="FILE_DOWNLOAD_")

    folder: Annotated[
        DirectoryPath | None, Field(description="Folder whose files are offered; none: the demo's.")
    ] = None
