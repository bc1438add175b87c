from pathlib import Path

from filelock import FileLock

from ..records.formats import Csv
from .readings import open_readings
from .settings import DemoSettings


def open_files() -> Path:
    """A folder that offers the readings as one CSV file, made on the first call."""
    settings = DemoSettings()
    folder = settings.folder / f"files-{settings.rows}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / "readings.csv").exists():
            unfinished = folder.with_suffix(".unfinished")
            _write(unfinished)
            unfinished.replace(folder / "readings.csv")
    return folder


def _write(path: Path) -> None:
    reader = open_readings().cursor().sql("FROM stored.readings").to_arrow_reader(100_000)
    encoder = Csv()
    with path.open("wb") as file:
        for batch in reader:
            file.write(encoder.encode(batch))
