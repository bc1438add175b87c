"""The readings in a DuckDB file, made on the first start, and those that were recorded since."""

import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from .readings import (
    HALF_PERIOD,
    NOTES,
    SENSORS,
    SILENT_NOTES,
    SITES,
    STORED,
    Schedule,
    live_schedule,
    unfinished,
)
from .settings import demo_settings

STEP_ROWS = 250_000
RECORDING = threading.Lock()

MACROS = f"""
    CREATE MACRO spread(id, salt) AS (id * 8 + salt) % 4294967296 * 1640531527 % 4294967296;
    CREATE MACRO scatter(id, salt) AS
        (xor(spread(id, salt), spread(id, salt) >> 15) * 1540483477 % 4294967296) >> 16;
    CREATE MACRO wave(id) AS
        (1 - 2 * (id // {HALF_PERIOD} % 2))
        * (4000 * (id % {HALF_PERIOD}) * ({HALF_PERIOD} - id % {HALF_PERIOD}) // {HALF_PERIOD**2});
"""
READINGS = f"""
    SELECT
        id,
        printf('sensor-%03d', scatter(id, 1) % {SENSORS}) AS sensor,
        $sites[1 + scatter(id, 2) % {len(SITES)}] AS site,
        make_timestamptz($start + id * $period) AS recorded_at,
        (1500 + wave(id) + scatter(id, 4) % 200) / 100 AS value,
        $notes[1 + scatter(id, 3) % {SILENT_NOTES + len(NOTES)}] AS note
    FROM range($first, $last + 1) AS reading(id)
"""  # noqa: S608


def readings(first: int, last: int, schedule: Schedule) -> Mapping[str, Any]:
    """The parameters of `READINGS`, which gives those from `first` to `last`."""
    texts = {"sites": list(SITES), "notes": [None] * SILENT_NOTES + list(NOTES)}
    return {**texts, **schedule._asdict(), "first": first, "last": last}


@cache
def open_readings() -> duckdb.DuckDBPyConnection:
    """A connection to the table `stored.readings`; use a cursor of it for each query."""
    settings = demo_settings()
    database = settings.folder / f"readings-{settings.rows}.duckdb"
    with unfinished(database) as path:
        if path:
            _make(path, settings.rows)
    connection = duckdb.connect()
    path = str(database).replace("'", "''")
    connection.execute(f"ATTACH '{path}' AS stored (READ_ONLY)")
    connection.execute(MACROS)
    connection.execute(f"CREATE TABLE recorded_since AS {READINGS}", readings(1, 0, STORED))
    connection.execute("CREATE VIEW readings AS FROM stored.readings UNION ALL FROM recorded_since")
    return connection


def _make(path: Path, rows: int) -> None:
    with duckdb.connect(path) as connection:
        connection.execute(MACROS.replace("MACRO", "TEMPORARY MACRO"))
        connection.execute(f"CREATE TABLE readings AS {READINGS}", readings(1, 0, STORED))
        for first in range(1, rows + 1, STEP_ROWS):
            last = min(first + STEP_ROWS - 1, rows)
            connection.execute(f"INSERT INTO readings {READINGS}", readings(first, last, STORED))
            print(f"Demo data: {last:,} of {rows:,} readings", file=sys.stderr, flush=True)


def record_readings() -> duckdb.DuckDBPyConnection:
    """A connection to the view `readings`: those stored, and those recorded since, until now."""
    connection = open_readings()
    schedule = live_schedule()
    with RECORDING, connection.cursor() as cursor:
        [(count,)] = cursor.execute("SELECT count(*) FROM recorded_since").fetchall()
        first, last = demo_settings().rows + count + 1, schedule.newest_id()
        if first <= last:
            new = readings(first, last, schedule)
            cursor.execute(f"INSERT INTO recorded_since {READINGS}", new)
    return connection
