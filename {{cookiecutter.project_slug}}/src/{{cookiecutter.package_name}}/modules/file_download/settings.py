from typing import Annotated, Any

from pydantic import DirectoryPath, Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from ...contents import folder_of
from ...streaming.settings import EnvironmentSettings

OFFLOADING_SCHEMES = {"presigned_seconds": ("s3", "gs", "az"), "accel_location": ("file",)}


class FileDownloadSettings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="FILE_DOWNLOAD_")

    folder: Annotated[
        DirectoryPath | None,
        Field(description="Folder whose files are offered; without it, the demo's."),
    ] = None
    storage_url: Annotated[
        str | None,
        Field(
            pattern=r"^(file|s3|gs|az|https?)://",
            description="A store in the place of the folder: `file:///…`, `s3://bucket/folder`, "
            "`gs://…`, `az://…`, `https://…`.",
        ),
    ] = None
    presigned_seconds: Annotated[
        int | None,
        Field(
            ge=1,
            le=7 * 24 * 3600,
            description="Redirect downloads to URLs of the store (`s3`, `gs`, `az`) that anybody may "
            "read for so long.",
        ),
    ] = None
    accel_location: Annotated[
        str | None,
        Field(
            pattern="^/.*/$",
            description="The location where nginx has the folder, and sends its files itself.",
        ),
    ] = None

    @field_validator("storage_url")
    @classmethod
    def check_folder(cls, url: str | None) -> str | None:
        if url and (folder := folder_of(url)) and not folder.is_dir():
            raise ValueError(f"{folder} is no folder")
        return url

    @field_validator("presigned_seconds", "accel_location")
    @classmethod
    def check_that_the_storage_can(cls, value: Any, info: ValidationInfo) -> Any:
        scheme = (info.data.get("storage_url") or "file").partition(":")[0]
        schemes = OFFLOADING_SCHEMES[info.field_name or ""]
        if value is not None and scheme not in schemes:
            raise ValueError(f"only {', '.join(schemes)} storage can do that")
        return value
