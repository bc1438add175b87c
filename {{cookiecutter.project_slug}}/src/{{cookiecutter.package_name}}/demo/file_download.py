import csv
from pathlib import Path

from .readings import STORED, read_sensor, report, unfinished
from .settings import demo_settings

STEP_ROWS = 250_000


def open_files() -> Path:
    """A folder that offers the readings as one CSV file, made on the first call."""
    settings = demo_settings()
    folder = settings.folder / f"files-{settings.rows}"
    with unfinished(folder) as path:
        if path:
            path.mkdir()
            _write(path / "readings.csv", settings.rows)
    return folder


def _write(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", "sensor", "site", "recorded_at", "value", "note"))
        for reading_id in range(1, rows + 1):
            reading = read_sensor(reading_id, STORED)
            recorded_at = reading.recorded_at.strftime("%Y-%m-%dT%H:%M:%SZ")
            writer.writerow(
                (reading.id, reading.sensor, reading.site, recorded_at, reading.value, reading.note)
            )
            if reading_id % STEP_ROWS == 0 or reading_id == rows:
                report(f"{reading_id:,} of {rows:,} readings in a file")
