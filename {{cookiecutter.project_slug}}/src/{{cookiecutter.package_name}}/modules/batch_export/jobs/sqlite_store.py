"""The jobs in a SQLite file, which all processes of a machine share."""

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from pydantic_core import to_json

from ..settings import lease_seconds
from .folder import make_folder
from .job import Job
from .store import Fenced, JobStore, JobsUnavailable, KeyReused, of_client_limit, of_limit

T = TypeVar("T")
logger = logging.getLogger(__name__)
# Whoever is stopped while it writes keeps the others waiting, but not for ever.
BUSY_SECONDS = 5
TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    key TEXT,
    source TEXT NOT NULL,
    query TEXT NOT NULL,
    format TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    lease REAL NOT NULL,
    created REAL NOT NULL,
    expires REAL,
    progress TEXT NOT NULL,
    cursor TEXT,
    segments TEXT NOT NULL,
    problem TEXT NOT NULL,
    UNIQUE (client, key)
)
"""
NAME_TABLE = "CREATE TABLE IF NOT EXISTS store (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"
NAME = "INSERT OR IGNORE INTO store VALUES (1, lower(hex(randomblob(4))))"
# Nothing of a request is ever put into the text of a statement.
COLUMNS = [*Job.model_fields]
AS_JSON = {"progress", "segments", "problem"}
VALUES = ", ".join(f":{column}" for column in COLUMNS)
INSERT = f"INSERT INTO jobs ({', '.join(COLUMNS)}) VALUES ({VALUES})"  # noqa: S608
CLAIM = """
UPDATE jobs SET status = 'running', attempt = attempt + 1, tries = tries + 1, lease = :until
WHERE id = (
    SELECT id FROM jobs
    WHERE status = 'accepted' OR (status = 'running' AND lease < :now)
    ORDER BY created LIMIT 1
)
RETURNING *
"""
CANCEL = """
UPDATE jobs SET status = 'cancelled', segments = '[]', problem = 'null', expires = :expires
WHERE id = :id AND status <> 'cancelled'
"""
HOLD = """
UPDATE jobs SET expires = max(expires, :until) WHERE id = :id AND status = 'complete'
"""
FORGET = "DELETE FROM jobs WHERE id = :id AND expires < :now"
OWN = "id = :id AND attempt = :own_attempt AND status = 'running'"
# What has ended, and holds no more than its own row, does not keep a client from asking for more.
KEPT = "status IN ('accepted', 'running', 'complete')"


class SqliteStore(JobStore):
    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._thread = CapacityLimiter(1)

    async def name(self) -> str:
        return await self._call(_select_name)

    async def create(self, job: Job, *, most: int, most_of_client: int) -> Job:
        return await self._call(_create, job, most, most_of_client)

    async def find(self, id: str) -> Job | None:
        if not self._path.exists():
            return None
        return next(iter(await self._call(_select, "id = ?", id)), None)

    async def claim(self) -> Job | None:
        if not self._path.exists():  # nobody has ever asked for a job
            return None
        now = time.time()
        claimed = await self._call(_fetch, CLAIM, {"now": now, "until": now + lease_seconds()})
        return next(iter(claimed), None)

    async def update(self, job: Job, **changes: Any) -> None:
        changes = {"lease": time.time() + lease_seconds()} | changes
        names = ", ".join(f"{name} = :{name}" for name in changes)
        statement = f"UPDATE jobs SET {names} WHERE {OWN}"  # noqa: S608
        if not await self._call(_change, statement, changes, id=job.id, own_attempt=job.attempt):
            raise Fenced

    async def cancel(self, id: str, expires: float) -> None:
        await self._call(_change, CANCEL, {"id": id, "expires": expires})

    async def hold(self, id: str, seconds: float) -> None:
        await self._call(_change, HOLD, {"id": id, "until": time.time() + seconds})

    async def expired(self) -> list[str]:
        if not self._path.exists():
            return []
        return [job.id for job in await self._call(_select, "expires < ?", time.time())]

    async def holding(self) -> set[str]:
        return {job.id for job in await self._call(_select, KEPT)}

    async def forget(self, id: str) -> bool:
        return bool(await self._call(_change, FORGET, {"id": id, "now": time.time()}))

    async def _call(self, function: Callable[..., T], *arguments: Any, **values: Any) -> T:
        work = partial(self._in_thread, function, *arguments, **values)
        return await run_sync(work, limiter=self._thread)

    def _in_thread(self, function: Callable[..., T], *arguments: Any, **values: Any) -> T:
        try:
            if not self._path.exists():  # a file that was deleted is still open
                self._close()
            self._connection = self._connection or self._connect()
            return function(self._connection, *arguments, **values)
        except (sqlite3.Error, OSError) as error:
            logger.warning("The export jobs cannot be reached: %s", error)
            self._close()
            raise JobsUnavailable from error

    def _connect(self) -> sqlite3.Connection:
        make_folder(self._path.parent)
        connection = sqlite3.connect(
            self._path, BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in (TABLE, NAME_TABLE, NAME):
            connection.execute(statement)
        return connection

    async def close(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _create(connection: sqlite3.Connection, job: Job, most: int, most_of_client: int) -> Job:
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # commits, or rolls back
        if job.key:
            for found in _select(connection, "client = ? AND key = ?", job.client, job.key):
                if (found.source, found.query) != (job.source, job.query):
                    raise KeyReused
                return found
        if len(_select(connection, f"{KEPT} AND client = ?", job.client)) >= most_of_client:
            raise of_client_limit()
        if len(_select(connection, KEPT)) >= most:
            raise of_limit()
        _change(connection, INSERT, dict(job))
    return job


def _select_name(connection: sqlite3.Connection) -> str:
    return connection.execute("SELECT name FROM store").fetchone()["name"]


def _select(connection: sqlite3.Connection, condition: str, *values: Any) -> list[Job]:
    return _fetch(connection, f"SELECT * FROM jobs WHERE {condition}", values)  # noqa: S608


def _fetch(connection: sqlite3.Connection, statement: str, values: Any) -> list[Job]:
    return [_to_job(row) for row in connection.execute(statement, values)]


def _change(
    connection: sqlite3.Connection, statement: str, changes: Mapping[str, Any], **values: Any
) -> int:
    """How many rows were changed."""
    as_json = {name: to_json(changes[name]).decode() for name in AS_JSON & changes.keys()}
    return connection.execute(statement, {**changes, **as_json, **values}).rowcount


def _to_job(row: sqlite3.Row) -> Job:
    values = dict(row)
    return Job.model_validate(values | {name: json.loads(values[name]) for name in AS_JSON})
