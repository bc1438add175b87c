"""Connections to a database, of DuckDB's own kind or by ADBC, with the same few methods."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from urllib.parse import unquote

import duckdb
import pyarrow as pa
from adbc_driver_manager import NotSupportedError

# What a query that is open holds of its result: DuckDB's own megabyte takes 12 MiB of memory.
DUCKDB_BUFFER = "SET streaming_buffer_size = '64KB'"
# Of DuckDB's batches; it doubles its buffers beyond.
MOST_ROWS = 4_096
ADBC_DRIVERS = {"postgres": "postgresql"}
POSTGRESQL_BATCH_BYTES = 256 * 1024
SESSION = {
    "duckdb": ("SET TimeZone = 'UTC'", DUCKDB_BUFFER),
    "postgresql": (
        "SET TimeZone = 'UTC'",
        "SET DateStyle = 'ISO'",
        "SET IntervalStyle = 'iso_8601'",
        "SET standard_conforming_strings = on",
        "SET default_transaction_read_only = on",
    ),
}


class Connection(Protocol):
    """What one thread at a time uses, but for `cancel`, which ends what another waits for."""

    def read(self, sql: str) -> pa.Table: ...

    def open(self, sql: str, batch_rows: int) -> pa.RecordBatchReader: ...

    def cancel(self) -> None: ...

    def close(self) -> None: ...


class Connector(Protocol):
    """`dialect` is the name of the SQL that its connections take."""

    dialect: str

    def connect(self) -> Connection: ...


def connector_of(url: str | None) -> Connector:
    """Raises `ValueError` for a URL of which nothing that is installed knows more."""
    if url is None:
        return Nowhere()
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ValueError("this is no URL, such as duckdb:///relative.duckdb")
    if scheme.lower() == "duckdb":
        return DuckDb(Path(unquote(rest.removeprefix("/"))))
    return Adbc(scheme.lower(), rest)


class Nowhere:
    """What is connected to without a URL: whoever asks for a table is told so."""

    dialect = "none"

    def connect(self) -> Connection:
        raise ConnectionError("DATABASE_URL is not set: it names the database with the tables.")


class DuckDb:
    """A file, opened read-only so that several processes can have it open."""

    dialect = "duckdb"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._file: tuple[int, int] | None = None
        self._database: duckdb.DuckDBPyConnection | None = None

    def connect(self) -> Connection:
        with self._lock:
            file = self._identify()
            if self._database is None or file != self._file:
                self._database = None  # DuckDB gives the open one to who asks for its path
                self._database = duckdb.connect(self._path, read_only=True)
                self._file = file
            cursor = self._database.cursor()
        for statement in SESSION[self.dialect]:
            cursor.execute(statement)
        return DuckDbConnection(cursor, self._identify)

    def _identify(self) -> tuple[int, int]:
        """Raises `OSError` where the file is no longer there, although it is still open."""
        about = self._path.stat()
        return about.st_dev, about.st_ino


class DuckDbConnection:
    def __init__(self, cursor: duckdb.DuckDBPyConnection, identify: Any) -> None:
        self._cursor = cursor
        self._identify = identify
        self._file = identify()

    def read(self, sql: str) -> pa.Table:
        return self.open(sql, MOST_ROWS).read_all()

    def open(self, sql: str, batch_rows: int) -> pa.RecordBatchReader:
        if self._identify() != self._file:
            raise FileNotFoundError("the file is another one by now")
        # `cursor.execute(…)` would hold the whole result in memory.
        return self._cursor.sql(sql).to_arrow_reader(batch_rows)

    def cancel(self) -> None:
        self._cursor.interrupt()

    def close(self) -> None:
        self._cursor.close()


class Adbc:
    """Any database for whose scheme an ADBC driver is installed."""

    def __init__(self, scheme: str, rest: str) -> None:
        scheme = scheme.partition("+")[0]  # behind it SQLAlchemy names a driver
        self.dialect = ADBC_DRIVERS.get(scheme, scheme)
        is_file = self.dialect == "sqlite"
        self._url = rest.removeprefix("/") if is_file else f"{self.dialect}://{rest}"
        try:
            self._driver = import_module(f"adbc_driver_{self.dialect}.dbapi")
        except ImportError as error:
            package = f"adbc-driver-{self.dialect}"
            raise ValueError(f"for {scheme}:// the package {package} is needed") from error

    def connect(self) -> Connection:
        connection = self._driver.connect(self._url, autocommit=True)
        try:
            for statement in SESSION.get(self.dialect, ()):
                with connection.cursor() as cursor:
                    cursor.execute(statement)
        except BaseException:
            connection.close()
            raise
        return AdbcConnection(connection, self.dialect)


class AdbcConnection:
    def __init__(self, connection: Any, dialect: str) -> None:
        self._connection = connection
        self._is_postgresql = dialect == "postgresql"
        self._cursor: Any = None

    def read(self, sql: str) -> pa.Table:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    def open(self, sql: str, batch_rows: int) -> pa.RecordBatchReader:
        """To be called once: the rows are there until the connection is closed."""
        self._cursor = self._connection.cursor()
        if self._is_postgresql:
            size = {"adbc.postgresql.batch_size_hint_bytes": str(POSTGRESQL_BATCH_BYTES)}
            self._cursor.adbc_statement.set_options(**size)
        self._cursor.execute(sql)
        return self._cursor.fetch_record_batch()

    def cancel(self) -> None:
        with suppress(NotSupportedError):  # then the query goes on to its end
            self._connection.adbc_cancel()

    def close(self) -> None:
        if self._cursor is not None:
            self._cursor.close()
        self._connection.close()
