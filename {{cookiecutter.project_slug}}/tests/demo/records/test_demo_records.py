"""The readings that SQL makes for millions are those that Python makes one by one."""

import os
import subprocess
import sys
import time

import duckdb
import pytest

from {{ cookiecutter.package_name }}.demo import (
    readings,
    records,
    settings,
)

LIVE = readings.Schedule(start=1_790_000_000_123_456, period=250_000)
RANGES = {
    "the first ones": (1, 20_000),
    "where the wave turns": (2 * readings.HALF_PERIOD - 5_000, 2 * readings.HALF_PERIOD + 5_000),
    "behind 32 bits": (2**32 - 1_000, 2**32 + 1_000),
}
CODE = "from {{ cookiecutter.package_name }}.demo import records; records.make_database()"


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


def test_the_view_goes_on_with_what_is_recorded_since(monkeypatch, tmp_path):
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path))
    monkeypatch.setenv("DEMO_ROWS", "10")
    monkeypatch.setenv("DEMO_PERIOD_SECONDS", "0.01")
    for cached in (readings.live_schedule, settings.demo_settings):
        monkeypatch.setattr(readings, cached.__name__, cached.__wrapped__, raising=False)
    monkeypatch.setattr(readings, "demo_settings", settings.DemoSettings)
    monkeypatch.setattr(records, "demo_settings", settings.DemoSettings)
    monkeypatch.setattr(records, "live_schedule", readings.live_schedule)
    file = records.make_database().removeprefix("duckdb:///")
    with duckdb.connect(file, read_only=True) as connection:
        found = connection.sql("FROM readings ORDER BY id").fetchall()
    assert [row[0] for row in found] == list(range(1, len(found) + 1))
    live = readings.live_schedule()
    expected = [readings.read_sensor(row[0], live).model_dump() for row in found[10:]]
    assert [tuple(reading.values()) for reading in expected] == found[10:]


def test_a_demo_of_long_ago_is_not_computed_to_its_end(monkeypatch, tmp_path):
    days = 60 * 86_400
    begun = readings.Schedule(time.time_ns() // 1_000 - days * readings.SECOND, readings.SECOND)
    records._make(tmp_path / "made", 10, begun)
    with duckdb.connect(tmp_path / "made", read_only=True) as connection:
        found = connection.sql("SELECT count(*), min(id), max(id) FROM readings WHERE id > 10")
        [(count, first, last)] = found.fetchall()
    assert count == records.MOST_LIVE == last - first + 1
    assert last == pytest.approx(days, abs=60)


@pytest.mark.slow
def test_processes_that_start_together_make_the_demo_data_once(tmp_path):
    environment = {**os.environ, "DEMO_FOLDER": str(tmp_path), "DEMO_ROWS": "1000"}
    processes = [
        subprocess.Popen([sys.executable, "-c", CODE], env=environment, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate()[1] for process in processes]
    made = b"Demo data: 1,000 of 1,000 readings in a table\n"
    assert sorted(text.count(made) for text in said) == [0, 1]
