"""The files below a folder in the order of their paths, a page at a time.

A page takes memory for its own entries only, however many files there are.
"""

import os
import time
from collections.abc import Iterator
from heapq import nsmallest
from itertools import islice
from stat import S_ISLNK, S_ISREG

from .folder import Folder, is_path, represent
from .representation import NotOffered, Representation

# Fewer at once would read a large folder again and again where most names are not offered.
FEWEST_AT_ONCE = 100


def list_files(folder: Folder, top: str, after: str, limit: int) -> list[Representation]:
    """At most `limit` files below `top`, behind the path `after`, in the order of code points.

    These are the files that a download finds. A link to a folder is not followed: what is in it is
    listed where it is. Raises `NotOffered` where there is no such folder.
    """
    with folder.open_directory(top):
        pass
    files = _walk(folder, f"{top}/" if top else "", after, max(limit, FEWEST_AT_ONCE))
    return list(islice(files, limit))


def _walk(folder: Folder, top: str, after: str, count: int) -> Iterator[Representation]:
    branches = [_children(folder, top, after, count)]
    while branches:
        match next(branches[-1], None):
            case None:
                branches.pop()
            case Representation() as file:
                yield file
            case path:
                branches.append(_children(folder, path, after, count))


def _children(folder: Folder, top: str, after: str, count: int) -> Iterator[Representation | str]:
    """The files in `top`, and the paths of folders, which end in `/` and sort by it."""
    last = ""
    while True:
        try:
            with folder.open_directory(top.removesuffix("/")) as directory:
                paths = nsmallest(count, _paths(directory, top, after, last))
                found = [_look(folder, directory, path) for path in paths]
        except NotOffered:
            return  # removed, or not ours any more
        yield from filter(None, found)
        if len(paths) < count:
            return
        last = paths[-1]


def _paths(directory: int, top: str, after: str, last: str) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            path = f"{top}{entry.name}/" if is_folder else top + entry.name
            if path > last and (path > after or (is_folder and after.startswith(path))):
                yield path


def _look(folder: Folder, directory: int, path: str) -> Representation | str | None:
    name = path.rpartition("/")[2]
    if not name:
        return path
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if S_ISLNK(status.st_mode):
            with folder.open(path) as file:
                return file.representation
        is_readable = os.access(name, os.R_OK, dir_fd=directory, effective_ids=True)
    except (FileNotFoundError, NotOffered):
        return None
    is_offered = is_path(path) and S_ISREG(status.st_mode) and is_readable
    return represent(path, status, time.time_ns()) if is_offered else None
