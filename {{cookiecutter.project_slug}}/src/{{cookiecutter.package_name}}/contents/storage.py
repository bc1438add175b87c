"""Where contents are: in a folder, or in a store that is known by its URL."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .folder import Folder
from .local import LocalStorage
from .representation import Storage


def open_storage(
    place: Path | str, accel_location: str | None = None, presigned_seconds: int | None = None
) -> Storage:
    """A folder by its path or `file:` URL, a store by a URL such as `s3://bucket/folder`.

    nginx has the folder at `accel_location` and sends its files; who has been sent to the store
    may read there for `presigned_seconds`.
    """
    folder = folder_of(place) if isinstance(place, str) else place
    if folder:
        return LocalStorage(Folder(folder), accel_location)
    from .objects import ObjectStorage  # noqa: PLC0415 - obstore takes 5 MiB

    return ObjectStorage(str(place), presigned_seconds)


def folder_of(url: str) -> Path | None:
    """The folder that a `file:` URL names."""
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None
