"""A PostgreSQL server of the tests' own, with a table of readings."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adbc_driver_manager import OperationalError
from adbc_driver_postgresql import dbapi

from tests.streaming.fixtures import free_port

START_SECONDS = 20
# PostgreSQL refuses to run as root.
USER = "nobody" if os.name == "posix" and os.getuid() == 0 else None
INITDB = "--no-sync --auth=trust --username=postgres --encoding=UTF8 --no-locale --pgdata=data"
POSTGRES = "-D data -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
ROWS = 10_000
MAKE_TABLE = """
    CREATE TABLE readings (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        sensor text NOT NULL,
        site text NOT NULL,
        recorded_at timestamptz NOT NULL,
        value double precision NOT NULL,
        note text
    )
"""
RECORD_READINGS = """
    INSERT INTO readings (sensor, site, recorded_at, value, note)
    SELECT 'sensor-' || n % 10, (ARRAY['Zürich', '東京'])[1 + n % 2],
        timestamptz '2026-01-01Z' + n * interval '1 second', n / 7.0,
        CASE WHEN n % 3 > 0 THEN repeat('außer Betrieb, ', 60) END
    FROM generate_series(1, {count}) AS n
"""


class Database:
    """A server that can be stopped and started again; `url` is where it is."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self.url = f"postgresql://postgres:hunter2@127.0.0.1:{port}/postgres"
        self._programs = programs
        self._folder = folder
        self._options = [*POSTGRES.split(), "-p", str(port)]

    def make(self) -> None:
        if USER:
            shutil.chown(self._folder, USER)
        self._run("initdb", *INITDB.split()).wait()
        self.start()
        self.fetch(MAKE_TABLE)
        self.record_readings(ROWS)

    def start(self) -> None:
        self._server = self._run("postgres", *self._options)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.fetch("SELECT 1")
                return
            except OperationalError:
                assert time.monotonic() < deadline, (self._folder / "log").read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        """End the server and its connections, without waiting for who uses them."""
        self._server.send_signal(signal.SIGINT)
        self._server.wait()

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        with dbapi.connect(self.url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def record_readings(self, count: int) -> None:
        self.fetch(RECORD_READINGS.format(count=count))

    @contextmanager
    def locked(self) -> Generator[None]:
        """No query on the readings comes to an end meanwhile."""
        with dbapi.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.execute("LOCK TABLE readings")
            yield

    def _run(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            command = [self._programs / program, *options]
            return subprocess.Popen(command, cwd=self._folder, user=USER, stdout=log, stderr=log)


def required_database(require: Callable[..., str]) -> AbstractContextManager[Database]:
    """A server for tests; without the programs they are skipped, or fail."""
    # Debian keeps the server in a folder that is not on everybody's PATH.
    server = Path(require("postgres", *glob("/usr/lib/postgresql/*/bin/postgres")))
    return running_database(server.resolve().parent, free_port())


@contextmanager
def running_database(programs: Path, port: int) -> Generator[Database]:
    # Where pytest keeps its folders, nobody but their owner can go.
    with TemporaryDirectory(prefix="postgres-") as folder:
        database = Database(programs, Path(folder), port)
        try:
            database.make()
            yield database
        finally:
            database.stop()
