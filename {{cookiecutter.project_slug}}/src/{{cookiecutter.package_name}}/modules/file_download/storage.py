"""Where the files are: a folder, or a store that is known by its URL."""

from .folder import Folder
from .local import LocalStorage
from .representation import Storage
from .settings import FileDownloadSettings, folder_of
from .source import open_folder


def open_storage() -> Storage:
    settings = FileDownloadSettings()
    url = settings.storage_url
    root = folder_of(url) if url else open_folder()
    if root:
        return LocalStorage(Folder(root), settings.accel_location)
    from .objects import ObjectStorage  # noqa: PLC0415 - obstore takes 5 MiB

    return ObjectStorage(str(url), settings.presigned_seconds)
