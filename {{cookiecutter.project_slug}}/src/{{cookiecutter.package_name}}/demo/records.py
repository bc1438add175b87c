"""The readings in a DuckDB file: those stored, made on the first start, and those recorded since."""

from collections.abc import Mapping
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
    report,
    unfinished,
)
from .settings import demo_settings

STEP_ROWS = 250_000

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
# Nobody writes to the file: what was recorded since is computed when it is asked for.
NEWEST = "(epoch_us(now()) - $start) // $period"
# Of a demo that was begun long ago, no more than these are computed.
MOST_LIVE = 100_000


def readings(first: int, last: int, schedule: Schedule) -> Mapping[str, Any]:
    """The parameters of `READINGS`, which gives those from `first` to `last`."""
    texts = {"sites": list(SITES), "notes": [None] * SILENT_NOTES + list(NOTES)}
    return {**texts, **schedule._asdict(), "first": first, "last": last}


def make_database() -> str:
    """The URL of the file with the view `readings`, and the table `stored`; made if need be."""
    settings = demo_settings()
    name = f"readings-{settings.rows}-{settings.period_seconds:g}.duckdb"
    database = (settings.folder / name).absolute()
    schedule = live_schedule()
    with unfinished(database) as path:
        if path:
            _make(path, settings.rows, schedule)
    return f"duckdb:///{database}"


def _make(path: Path, rows: int, schedule: Schedule) -> None:
    with duckdb.connect(path) as connection:
        connection.execute(MACROS)
        connection.execute(f"CREATE TABLE stored AS {READINGS}", readings(1, 0, STORED))
        for first in range(1, rows + 1, STEP_ROWS):
            last = min(first + STEP_ROWS - 1, rows)
            connection.execute(f"INSERT INTO stored {READINGS}", readings(first, last, STORED))
            report(f"{last:,} of {rows:,} readings in a table")
        oldest = f"greatest($first, {NEWEST} - {MOST_LIVE - 1})"
        since = READINGS.replace("$first", oldest).replace("$last", NEWEST)
        for name, value in readings(rows + 1, 0, schedule).items():
            since = since.replace(f"${name}", _literal(value))
        connection.execute(f"CREATE VIEW readings AS FROM stored UNION ALL {since}")


def _literal(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, str):
        return "'{}'".format(value.replace("'", "''"))
    return "NULL" if value is None else str(value)
