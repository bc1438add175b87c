from typing import Annotated

from pydantic import DirectoryPath, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class FileDownloadSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="FILE_DOWNLOAD_", env_file=".env", extra="ignore")

    folder: Annotated[
        DirectoryPath | None, Field(description="Folder whose files are offered; none: the demo's.")
    ] = None
