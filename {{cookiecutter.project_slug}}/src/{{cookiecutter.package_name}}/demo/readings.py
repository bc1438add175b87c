import asyncio
import sys
import threading
import time
from collections.abc import AsyncGenerator
from functools import cache
from pathlib import Path

import duckdb
from anyio.to_thread import run_sync
from filelock import FileLock
from pydantic import AwareDatetime, BaseModel

from .settings import DemoSettings

STEP_ROWS = 250_000
RECORDING = threading.Lock()

# A reading is a function of its id, so that every process, and every start, makes the same ones.
READINGS = """
    SELECT
        id,
        printf('sensor-%03d', hash(id) % 200) AS sensor,
        ['Lyon', 'São Paulo', 'Zürich', '東京', 'Kraków'][1 + (hash(id, 'site') % 5)::BIGINT]
            AS site,
        to_timestamp($start + id * $period) AS recorded_at,
        round(15 + 10 * sin(id / 7200.0) + hash(id, 'noise') % 100 / 50, 2) AS value,
        [NULL, NULL, NULL, NULL, 'Zeile 1' || chr(8232) || 'Zeile 2', 'Füllstand geprüft',
         '校正済み', 'außer Betrieb', 'capteur remplacé, "B" → "C"', '🌡️ calibrated']
            [1 + (hash(id, 'note') % 10)::BIGINT] AS note
    FROM range($first, $last + 1) AS reading(id)
"""
STORED = {"start": 1_767_225_600, "period": 1}  # from 2026-01-01 on, one a second
NONE = {"first": 1, "last": 0}


class Reading(BaseModel):
    id: int
    sensor: str
    site: str
    recorded_at: AwareDatetime
    value: float
    note: str | None


@cache
def open_readings() -> duckdb.DuckDBPyConnection:
    """A connection to the table `stored.readings`; use a cursor of it for each query."""
    settings = DemoSettings()
    settings.folder.mkdir(parents=True, exist_ok=True)
    database = _database(settings)
    with FileLock(f"{database}.lock"):  # several workers may start at once
        if not database.exists():
            _make(database, settings.rows)
    connection = duckdb.connect()
    path = str(database).replace("'", "''")
    connection.execute(f"ATTACH '{path}' AS stored (READ_ONLY)")
    connection.execute(f"CREATE TABLE recorded_since AS {READINGS}", NONE | STORED)
    connection.execute("CREATE VIEW readings AS FROM stored.readings UNION ALL FROM recorded_since")
    return connection


def _make(database: Path, rows: int) -> None:
    unfinished = database.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with duckdb.connect(unfinished) as connection:
        connection.execute(f"CREATE TABLE readings AS {READINGS}", NONE | STORED)
        for first in range(1, rows + 1, STEP_ROWS):
            last = min(first + STEP_ROWS - 1, rows)
            some = {"first": first, "last": last}
            connection.execute(f"INSERT INTO readings {READINGS}", some | STORED)
            print(f"Demo data: {last:,} of {rows:,} readings", file=sys.stderr, flush=True)
    unfinished.replace(database)


def record_readings() -> duckdb.DuckDBPyConnection:
    """A connection to the view `readings`: those stored, and those recorded since, until now."""
    connection = open_readings()
    rows = DemoSettings().rows
    with RECORDING, connection.cursor() as cursor:
        [(count,)] = cursor.execute("SELECT count(*) FROM recorded_since").fetchall()
        new = {"first": rows + count + 1, "last": _newest_id()}
        if new["first"] <= new["last"]:
            cursor.execute(f"INSERT INTO recorded_since {READINGS}", new | _live())
    return connection


async def live_readings() -> AsyncGenerator[Reading, None]:
    """Each reading when it is recorded, one in each period."""
    await run_sync(open_readings)
    reading_id, live = _newest_id(), _live()
    with duckdb.connect() as connection:
        while True:
            reading_id += 1
            await asyncio.sleep(live["start"] + reading_id * live["period"] - time.time())
            only = {"first": reading_id, "last": reading_id}
            [values] = connection.sql(READINGS, params=only | live).to_arrow_table().to_pylist()
            yield Reading.model_validate(values)


def _newest_id() -> int:
    live = _live()
    return int((time.time() - live["start"]) / live["period"])


def _live() -> dict[str, float]:
    """When the readings behind those in the file are recorded: the same in every process."""
    settings = DemoSettings()
    stored_at = _database(settings).stat().st_mtime
    period = settings.period_seconds
    return {"start": stored_at - settings.rows * period, "period": period}


def _database(settings: DemoSettings) -> Path:
    return settings.folder / f"readings-{settings.rows}.duckdb"
