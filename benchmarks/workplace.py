"""What the groups share: the amounts of data, and the settings and files of the service."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .comparison import Failed, Metric, Peer, Sample
from .downloads import MIB, download
from .servers import PYTHON, SERVICE, TEMPLATE, uvicorn

ROWS = Metric("rows/s")
FIRST_BYTE = Metric("first byte, ms", 1, less_is_better=True)
MEMORY = Metric("memory, MiB more", 1, less_is_better=True)
SIZE = Metric("file, MiB", 1, less_is_better=True)

TABLE_ROWS = 1_000_000
PERIOD_SECONDS = 3_600
DEMO = SERVICE.parent / "demo"
# The same rows, with a key that is declared and with one that has to be proved.
TABLES = '{"readings": "id", "declared": "id"}'


@dataclass(frozen=True)
class Workplace:
    """`folder` is temporary; `scale` makes the data smaller, for a quick look."""

    folder: Path
    scale: float
    say: Callable[[str], None]
    table_rows: int = TABLE_ROWS

    def scaled(self, amount: int) -> int:
        return max(1, round(amount * self.scale))

    @property
    def rows(self) -> int:
        return self.scaled(self.table_rows)

    @property
    def settings(self) -> dict[str, str]:
        """Tables as a team has them; the demo without live readings, which would be noise."""
        return {
            **self._demo_settings,
            "DATABASE_URL": f"duckdb:///{self.database}",
            "TABLES": TABLES,
            "READINGS_DATABASE": str(self.database),
        }

    @property
    def _demo_settings(self) -> dict[str, str]:
        return {
            "DEMO_ROWS": str(self.rows),
            "DEMO_FOLDER": str(DEMO),
            "DEMO_PERIOD_SECONDS": str(PERIOD_SECONDS),
            "FILE_DOWNLOAD_FOLDER": str(self.folder),
        }

    @property
    def database(self) -> Path:
        return DEMO / f"tables-{self.rows}.duckdb"

    def make_table(self) -> None:
        """Copy the demo's readings, which the service makes when it starts for the first time.

        The tables are kept between runs.
        """
        if self.database.exists():
            return
        self.say(f"making the tables of {self.rows:,} readings")
        with uvicorn("my_service.main:app", self._demo_settings):
            pass
        demo = DEMO / f"readings-{self.rows}-{PERIOD_SECONDS}.duckdb"
        run_python("benchmarks.peers.copy_tables", demo, self.database, self.rows)

    def rows_peer(self, name: str, app: str, path: str) -> Peer:
        """A server that sends the whole table at `path`."""
        return Peer(name, lambda: self.measure_rows(app, path, self.settings))

    def measure_rows(self, app: str, path: str, settings: Mapping[str, str]) -> Sample:
        with uvicorn(app, settings) as server:
            download(server, "/openapi.json")  # what a first request alone pays for
            whole = download(server, path)
        return {
            ROWS: self.rows / whole.seconds,
            FIRST_BYTE: whole.first_byte_seconds * 1000,
            MEMORY: whole.memory_growth / MIB,
            SIZE: whole.size / MIB,
        }

    def copy_peer(self, name: str, options: str, query: str = "FROM readings") -> Peer:
        """The database writes the rows to a file itself, with all cores."""

        def measure() -> Sample:
            file = self.folder / "copy"
            seconds = run_python(
                "benchmarks.peers.copy_readings", self.database, file, options, query
            )
            size = file.stat().st_size
            file.unlink()
            return {ROWS: self.rows / float(seconds), SIZE: size / MIB}

        return Peer(name, measure)


def run_python(module: str, *arguments: Any) -> str:
    """What a module prints in the service's environment. Raises `Failed` with what went wrong."""
    command = (PYTHON, "-m", module, *map(str, arguments))
    result = subprocess.run(
        command, cwd=TEMPLATE, capture_output=True, encoding="utf-8", check=False
    )
    if result.returncode:
        raise Failed(result.stderr.strip().splitlines()[-1])
    return result.stdout


def check_programs() -> None:
    if not shutil.which("curl"):
        sys.exit("curl is needed for the benchmarks; it is not installed.")
    if not PYTHON.exists():
        sys.exit("There is no rendered service; `make bench` renders it.")
