"""Where the files are: a folder, or a store that is known by its URL."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .folder import Folder
from .local import LocalStorage
from .representation import Storage
from .settings import FileDownloadSettings
from .source import open_folder


def open_storage() -> Storage:
    settings = FileDownloadSettings()
    url = settings.storage_url
    if url and urlsplit(url).scheme != "file":
        from .objects import ObjectStorage  # noqa: PLC0415 - obstore takes 5 MiB

        return ObjectStorage(url, settings.presigned_seconds)
    root = Path(url2pathname(urlsplit(url).path)) if url else open_folder()
    return LocalStorage(Folder(root), settings.accel_location)
