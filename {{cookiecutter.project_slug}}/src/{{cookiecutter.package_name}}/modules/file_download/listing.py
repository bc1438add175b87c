from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from pydantic import AwareDatetime, BaseModel


class FileEntry(BaseModel):
    path: str
    size: int
    modified: AwareDatetime


def list_files(folder: Path, after: str, limit: int) -> list[FileEntry]:
    """At most `limit` files below `folder`, in the order of their paths, from behind `after` on."""
    paths = sorted(path for path in _relative_paths(folder) if path > after)
    entries = (_entry(folder, path) for path in paths)
    return list(islice(filter(None, entries), limit))


def _relative_paths(folder: Path) -> Iterator[str]:
    root = folder.resolve()
    for path in root.rglob("*"):
        # A link out of the folder is not served, so it is not listed.
        if path.is_file() and path.resolve().is_relative_to(root):
            relative = path.relative_to(root).as_posix()
            if relative.isprintable():  # no URL of ours leads to another
                yield relative


def _entry(folder: Path, path: str) -> FileEntry | None:
    try:
        status = (folder / path).stat()
    except FileNotFoundError:
        return None  # removed since it was found
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return FileEntry(path=path, size=status.st_size, modified=modified)
