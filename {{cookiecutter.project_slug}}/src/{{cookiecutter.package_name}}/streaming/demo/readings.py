import asyncio
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import duckdb
from filelock import FileLock
from pydantic import AwareDatetime, BaseModel

from .settings import DemoSettings

STEP_ROWS = 250_000

# A reading is a function of its id, so that every process, and every start, makes the same ones.
READINGS = """
    SELECT
        id,
        printf('sensor-%03d', hash(id) % 200) AS sensor,
        ['Lyon', 'São Paulo', 'Zürich', '東京', 'Kraków'][1 + (hash(id, 'site') % 5)::BIGINT]
            AS site,
        TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(id) AS recorded_at,
        round(15 + 10 * sin(id / 7200.0) + hash(id, 'noise') % 100 / 50, 2) AS value,
        [NULL, NULL, NULL, NULL, 'Zeile 1' || chr(8232) || 'Zeile 2', 'Füllstand geprüft',
         '校正済み', 'außer Betrieb', 'capteur remplacé, "B" → "C"', '🌡️ calibrated']
            [1 + (hash(id, 'note') % 10)::BIGINT] AS note
    FROM range($first, $last + 1) AS reading(id)
"""


class Reading(BaseModel):
    id: int
    sensor: str
    site: str
    recorded_at: AwareDatetime
    value: float
    note: str | None


@cache
def open_readings() -> duckdb.DuckDBPyConnection:
    """A read-only connection to the table `readings`; use a cursor of it for each query."""
    settings = DemoSettings()
    settings.folder.mkdir(parents=True, exist_ok=True)
    database = settings.folder / f"readings-{settings.rows}.duckdb"
    with FileLock(f"{database}.lock"):  # several workers may start at once
        if not database.exists():
            _make(database, settings.rows)
    return duckdb.connect(database, read_only=True)


def _make(database: Path, rows: int) -> None:
    unfinished = database.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with duckdb.connect(unfinished) as connection:
        connection.execute(f"CREATE TABLE readings AS {READINGS}", {"first": 1, "last": 0})
        for first in range(1, rows + 1, STEP_ROWS):
            last = min(first + STEP_ROWS - 1, rows)
            connection.execute(f"INSERT INTO readings {READINGS}", {"first": first, "last": last})
            print(f"Demo data: {last:,} of {rows:,} readings", file=sys.stderr, flush=True)
    unfinished.replace(database)


async def live_readings() -> AsyncGenerator[Reading, None]:
    """New readings, one in each period, numbered on from those in the database."""
    settings = DemoSettings()
    reading_id = settings.rows
    with duckdb.connect() as connection:
        while True:
            await asyncio.sleep(settings.period_seconds)
            reading_id += 1
            only = {"first": reading_id, "last": reading_id}
            [values] = connection.sql(READINGS, params=only).to_arrow_table().to_pylist()
            yield Reading.model_validate(values | {"recorded_at": datetime.now(UTC)})
