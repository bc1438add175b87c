"""The records of engine tests: a DuckDB file of their own, whatever the service's own source is."""

import time
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb

from tests.streaming.fixtures import Serve, Server

APP = "tests.records.readings_app:app"
ROWS = 60_000  # more than one batch for every module
PERIOD = 200_000  # microseconds
READING = """
    SELECT id, printf('sensor-%03d', id * 17 % 200) AS sensor,
        ['Zürich', 'São Paulo', 'Lyon', '東京', 'Kraków'][1 + id % 5] AS site,
        recorded_at, (1415 + id * 50 % 3000) / 100 AS value,
        [NULL, 'außer Betrieb', NULL, 'Zeile 1' || chr(8232) || 'Zeile 2', 'a, "b"'][1 + id % 7 % 5] AS note
"""
STORED = "SELECT range AS id, make_timestamptz(1767225600000000 + range * 1000000) AS recorded_at"
LIVE = """
    SELECT range AS id, make_timestamptz({began} + (range - {rows}) * {period}) AS recorded_at
    FROM range({rows} + 1, {rows} + 1 + (epoch_us(now()) - {began}) // {period})
"""


def make_readings(file: Path, rows: int = ROWS) -> str:
    """The URL of a new file with a table `readings`, and a view `live` to which more are added."""
    live = LIVE.format(began=time.time_ns() // 1_000, rows=rows, period=PERIOD)
    with duckdb.connect(file) as connection:
        stored = f"{READING} FROM ({STORED} FROM range(1, {rows} + 1))"
        connection.execute(f"CREATE TABLE readings AS {stored} ORDER BY id")
        connection.execute(f"CREATE VIEW live AS FROM readings UNION ALL {READING} FROM ({live})")
    return f"duckdb:///{file}"


def serve_readings(
    serve: Serve, folder: Path, app: str = APP, rows: int = ROWS, **environment: str
) -> AbstractContextManager[Server]:
    """The service with these readings in place of its own tables."""
    url = make_readings(folder / "readings.duckdb", rows)
    return serve(app, DATABASE_URL=url, **environment)
