from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.streaming.fixtures import Server


class Files(NamedTuple):
    """A folder, and the service that offers it."""

    folder: Path
    server: Server

    @property
    def url(self) -> str:
        return f"{self.server.url}/files"


@pytest.fixture(scope="session")
def files(serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    """For all tests that mind no files of others."""
    folder = tmp_path_factory.mktemp("files")
    with serve(FILE_DOWNLOAD_FOLDER=str(folder)) as server:
        yield Files(folder, server)
