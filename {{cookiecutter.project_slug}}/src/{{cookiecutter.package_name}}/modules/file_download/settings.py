from typing import Annotated

from pydantic import DirectoryPath, Field
from pydantic_settings import SettingsConfigDict

from ...streaming.settings import EnvironmentSettings


class FileDownloadSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="FILE_DOWNLOAD_")

    folder: Annotated[
        DirectoryPath | None, Field(description="Folder whose files are offered; none: the demo's.")
    ] = None
    storage_url: Annotated[
        str | None,
        Field(
            pattern=r"^(file|s3|gs|az|https?)://",
            description="Store whose objects are offered in the place of the folder's files.",
        ),
    ] = None
    presigned_seconds: Annotated[
        int | None,
        Field(
            ge=1,
            le=7 * 24 * 3600,
            description="Redirect downloads to URLs of the store that are valid so long.",
        ),
    ] = None
    accel_location: Annotated[
        str | None,
        Field(pattern="^/.*/$", description="Location where nginx has the folder, and sends it."),
    ] = None
