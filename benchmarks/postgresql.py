"""The readings in a PostgreSQL server on loopback, whose own tool is the peer."""

import os
import shutil
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from .comparison import Failed, Peer, Sample, Unavailable
from .servers import free_port, running
from .workplace import ROWS, Workplace, run_python

# It refuses to run as root.
USER = "nobody" if os.getuid() == 0 else None
INITDB = "--no-sync --auth=trust --username=postgres --encoding=UTF8 --no-locale --pgdata=."
OPTIONS = "-D . -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
READY_SECONDS = 60
MAKE_TABLE = """
    CREATE TABLE readings (
        id bigint PRIMARY KEY, sensor text NOT NULL, site text NOT NULL,
        recorded_at timestamptz NOT NULL, value double precision NOT NULL, note text
    )
"""


@dataclass(frozen=True)
class PostgreSql:
    """Its data are made for the first measurement, and kept for the others."""

    workplace: Workplace

    @contextmanager
    def settings(self) -> Generator[Mapping[str, str]]:
        """Those of a service that has its tables here, while the server runs."""
        programs, folder = _find_programs(), self.workplace.folder / "postgresql"
        is_new = not folder.exists()
        if is_new:
            self.workplace.folder.chmod(0o711)  # for who runs the server
            folder.mkdir()
            shutil.chown(folder, USER) if USER else None
            _run(folder, programs / "initdb", *INITDB.split())
        port = free_port()
        command = (programs / "postgres", *OPTIONS.split(), "-p", str(port))
        with running(command, port, {}, cwd=folder, user=USER):
            url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
            _wait_until_ready(url)
            if is_new:
                self._fill(url)
            yield {**self.workplace.settings, "DATABASE_URL": url, "TABLES": '{"readings": "id"}'}

    def rows_peer(self, name: str, path: str) -> Peer:
        """The service, which sends the whole table at `path`."""

        def measure() -> Sample:
            with self.settings() as settings:
                return self.workplace.measure_rows("my_service.main:app", path, settings)

        return Peer(name, measure)

    def copy_peer(self, name: str) -> Peer:
        """psql writes the table to a file, in the order of its key."""

        def measure() -> Sample:
            file = self.workplace.folder / "copy"
            query = "SELECT * FROM readings ORDER BY id"
            with self.settings() as settings:
                begin = time.perf_counter()
                _psql(settings["DATABASE_URL"], f"\\copy ({query}) TO '{file}' WITH (FORMAT csv)")
                seconds = time.perf_counter() - begin
            file.unlink()
            return {ROWS: self.workplace.rows / seconds}

        return Peer(name, measure)

    def _fill(self, url: str) -> None:
        file = self.workplace.folder / "readings.csv"
        database = self.workplace.database
        run_python("benchmarks.peers.copy_readings", database, file, "FORMAT csv", "FROM readings")
        _psql(url, MAKE_TABLE)
        _psql(url, f"\\copy readings FROM '{file}' WITH (FORMAT csv, HEADER)")
        _psql(url, "VACUUM ANALYZE readings")
        file.unlink()


def _find_programs() -> Path:
    # Debian keeps the server in a folder that is not on everybody's PATH.
    found = shutil.which("postgres") or next(iter(glob("/usr/lib/postgresql/*/bin/postgres")), "")
    if not found or not shutil.which("psql"):
        raise Unavailable("postgres and psql are not installed")
    return Path(found).resolve().parent


def _wait_until_ready(url: str) -> None:
    """A server that was ended in a hurry listens before it has recovered."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return _psql(url, "SELECT 1")
        except Failed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _psql(url: str, command: str) -> None:
    _run(Path("/"), "psql", "--no-psqlrc", "--quiet", url, "--command", command, user=None)


def _run(folder: Path, *command: str | Path, user: str | None = USER) -> None:
    result = subprocess.run(
        command, cwd=folder, user=user, capture_output=True, encoding="utf-8", check=False
    )
    if result.returncode:
        raise Failed(result.stderr.strip().splitlines()[-1])
