"""The files at `/files`: say here where yours are."""

from pathlib import Path

from ...demo.file_download import open_files
from .settings import FileDownloadSettings


def open_folder() -> Path:
    """The folder whose files are offered, with its sub-folders."""
    return FileDownloadSettings().folder or open_files()
