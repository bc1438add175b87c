"""Queries on the database of `DATABASE_URL`: its connections, their pool, and the end of queries."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager, suppress
from functools import partial
from time import monotonic
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
from anyio.to_thread import run_sync
from fastapi import HTTPException

from ..streaming.pools import QUERIES
from .connections import Connection, Connector
from .inputs import without_rows
from .table import literal

T = TypeVar("T")
run_in_thread = partial(run_sync, limiter=QUERIES)
# A query that has not begun yet does not hear that it is cancelled, so it is told again.
CANCEL_SECONDS = 0.05
LONGEST_END_SECONDS = 5
# Their strings have no escapes; in others a backslash may begin one.
WITHOUT_ESCAPES = ("duckdb", "postgresql", "sqlite")

logger = logging.getLogger(__name__)


class DatabaseUnavailable(HTTPException):
    """The database cannot be reached, does not answer in time, or has not what is asked for."""

    type = "/problems/database-unavailable"

    reason = "The database cannot be reached."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(503, detail or self.reason, {"Retry-After": "5"})


class RelationMissing(DatabaseUnavailable):
    """There is no such table, or not that column of it."""

    reason = "The database has no such table or column."


class RelationForbidden(RelationMissing):
    """Whom the URL of the database names may not read it."""

    reason = "The database does not let its user read this table, or a column of it."


class BadValue(ValueError):
    """A value that a column's type does not have."""


MEANINGS: tuple[tuple[tuple[type[Exception], ...], type[Exception]], ...] = (
    ((duckdb.ConversionException, duckdb.OutOfRangeException), BadValue),
    ((duckdb.CatalogException, duckdb.BinderException, duckdb.ParserException), RelationMissing),
    ((duckdb.IOException, duckdb.ConnectionException, OSError), DatabaseUnavailable),
    ((duckdb.InterruptException,), DatabaseUnavailable),  # a snapshot whose time is over
)
# SQLSTATE: what is wrong with a value, and with a name, by its class (SQL:2016, table 38).
STATES: dict[str, type[Exception]] = {"22": BadValue, "42": RelationMissing}
FORBIDDEN = "42501"  # PostgreSQL's


class Database:
    """A pool of connections. They are made when there is a query, and may be lost at any time.

    A query holds a connection while its rows are fetched, and no longer, however slow their reader
    is; only `stream` holds one until its end. Whoever no longer waits for a query cancels it.
    """

    def __init__(self, connector: Connector, *, pool_size: int, timeout_seconds: float) -> None:
        self.dialect = connector.dialect
        self._connector = connector
        self._timeout_seconds = timeout_seconds
        self._for_pages = asyncio.Semaphore(pool_size)
        self._for_snapshots = asyncio.Semaphore(pool_size)
        self._idle: list[Connection] = []

    async def fetch(self, sql: str, batch_rows: int = 2_048) -> list[pa.RecordBatch]:
        """The whole result; of no rows, one empty batch.

        Raises `BadValue` and `DatabaseUnavailable`.
        """
        with _problems():
            async with asyncio.timeout(self._timeout_seconds), self._for_pages:
                while True:
                    was_idle = bool(self._idle)
                    connection = self._idle.pop() if was_idle else await self._connect()
                    try:
                        table = await _call(connection, connection.read, sql)
                    except BaseException as error:
                        _close(connection)
                        # One that was idle may have been lost long ago.
                        if was_idle and not isinstance(_as_problem(error), BadValue | None):
                            continue
                        raise
                    self._idle.append(connection)
                    return _batches(table, batch_rows)

    async def stream(
        self, sql: str, batch_rows: int, most_seconds: float
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield one snapshot of the result, with a connection of its own until the end.

        After `most_seconds` it is over, even while the reader is not asking: a database cannot
        clean up behind a snapshot. Raises `BadValue` and `DatabaseUnavailable`.
        """
        with _problems():
            async with asyncio.timeout(self._timeout_seconds):
                await self._for_snapshots.acquire()
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    connection = await self._connect()
                snapshot = _Snapshot(connection, most_seconds)
                try:
                    reader = await snapshot.call(connection.open, sql, batch_rows)
                    batch = await snapshot.call(next, reader, None)
                    if batch is None:
                        yield without_rows(reader.schema)
                    while batch is not None:
                        for start in range(0, len(batch), batch_rows):
                            yield batch[start : start + batch_rows]
                        batch = await snapshot.call(next, reader, None)
                finally:
                    snapshot.close()
            finally:
                self._for_snapshots.release()

    def literal(self, text: str) -> str:
        """A text in SQL. Raises `BadValue` for one that this database may not take as it is."""
        if "\0" in text or ("\\" in text and self.dialect not in WITHOUT_ESCAPES):
            raise BadValue("a text has a character that the database does not take")
        return literal(text)

    def close(self) -> None:
        while self._idle:
            _close(self._idle.pop())

    async def _connect(self) -> Connection:
        return await run_in_thread(self._connector.connect, abandon_on_cancel=True)


class _Snapshot:
    def __init__(self, connection: Connection, most_seconds: float) -> None:
        self._connection = connection
        self._is_busy = False
        self._is_over = False
        self._end = asyncio.get_running_loop().call_later(most_seconds, self._expire)

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        if self._is_over:
            raise DatabaseUnavailable("The export took longer than its snapshot may be open.")
        self._is_busy = True
        try:
            return await _call(self._connection, function, *arguments)
        finally:
            self._is_busy = False

    def close(self) -> None:
        self._end.cancel()
        if not self._is_over:
            self._is_over = True
            self._connection.cancel()
            _close(self._connection)

    def _expire(self) -> None:
        if self._is_busy:
            self._connection.cancel()
        else:
            self.close()


async def _call(connection: Connection, function: Callable[..., T], *arguments: Any) -> T:
    """Call what blocks in a thread; who is cancelled meanwhile cancels the query, and sees its end."""
    work = asyncio.ensure_future(run_in_thread(function, *arguments))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        deadline = monotonic() + LONGEST_END_SECONDS
        while not work.done() and monotonic() < deadline:
            with suppress(Exception):
                connection.cancel()
            await asyncio.wait([work], timeout=CANCEL_SECONDS)
        with suppress(BaseException):
            work.result()
        raise


def _batches(table: pa.Table, batch_rows: int) -> list[pa.RecordBatch]:
    found = table.to_batches(batch_rows)
    return found or [without_rows(table.schema)]


def _close(connection: Connection) -> None:
    with suppress(Exception):
        connection.close()


@contextmanager
def _problems() -> Generator[None]:
    try:
        yield
    except Exception as error:
        problem = _as_problem(error)
        if problem is None:
            raise
        if isinstance(problem, DatabaseUnavailable):
            reason = str(error).partition("\n")[0] or type(error).__name__
            logger.warning("The database has failed: %s", reason)
        raise problem from error


def _as_problem(error: BaseException) -> Exception | None:
    """What an error of a driver means; none is a defect, or no matter of the database."""
    kinds = [kind for types, kind in MEANINGS if isinstance(error, types)]
    if type(error).__module__.startswith("adbc_driver_manager"):
        state = getattr(error, "sqlstate", None) or ""
        kinds = [STATES.get(state[:2], DatabaseUnavailable)]
        if state == FORBIDDEN:
            kinds = [RelationForbidden]
    if not kinds:
        return None
    return kinds[0](str(error)) if kinds[0] is BadValue else kinds[0]()
