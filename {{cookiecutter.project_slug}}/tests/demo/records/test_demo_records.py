"""The readings that SQL makes for millions are those that Python makes one by one."""

import os
import subprocess
import sys

import duckdb
import pytest

from {{ cookiecutter.package_name }}.demo import (
    readings,
    records,
)

LIVE = readings.Schedule(start=1_790_000_000_123_456, period=250_000)
RANGES = {
    "the first ones": (1, 20_000),
    "where the wave turns": (2 * readings.HALF_PERIOD - 5_000, 2 * readings.HALF_PERIOD + 5_000),
    "behind 32 bits": (2**32 - 1_000, 2**32 + 1_000),
}
CODE = "from {{ cookiecutter.package_name }}.demo import records; records.open_readings()"


@pytest.mark.parametrize("schedule", [readings.STORED, LIVE], ids=["stored", "live"])
@pytest.mark.parametrize(("first", "last"), RANGES.values(), ids=RANGES.keys())
def test_sql_and_python_agree(first, last, schedule):
    with duckdb.connect() as connection:
        connection.execute(records.MACROS)
        made = connection.sql(
            records.READINGS, params=dict(records.readings(first, last, schedule))
        )
        rows = [dict(zip(made.columns, row, strict=True)) for row in made.fetchall()]
    expected = [readings.read_sensor(each, schedule) for each in range(first, last + 1)]
    assert rows == [reading.model_dump() for reading in expected]


@pytest.mark.slow
def test_processes_that_start_together_make_the_demo_data_once(tmp_path):
    environment = {**os.environ, "DEMO_FOLDER": str(tmp_path), "DEMO_ROWS": "1000"}
    processes = [
        subprocess.Popen([sys.executable, "-c", CODE], env=environment, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate()[1] for process in processes]
    assert sorted(said) == [b"", b"Demo data: 1,000 of 1,000 readings\n"]
