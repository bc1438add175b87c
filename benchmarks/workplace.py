"""What the groups share: the amounts of data, and the settings and files of the service."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .comparison import Failed, Metric, Peer, Sample
from .downloads import MIB, download
from .servers import PYTHON, SERVICE, TEMPLATE, uvicorn

ROWS = Metric("rows/s")
FIRST_BYTE = Metric("first byte, ms", 1, less_is_better=True)
MEMORY = Metric("memory, MiB more", 1, less_is_better=True)

TABLE_ROWS = 1_000_000
PERIOD_SECONDS = 3_600


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
        """The demo without live readings, which would be noise; its table is kept between runs."""
        return {
            "DEMO_ROWS": str(self.rows),
            "DEMO_FOLDER": str(SERVICE.parent / "demo"),
            "DEMO_PERIOD_SECONDS": str(PERIOD_SECONDS),
            "FILE_DOWNLOAD_FOLDER": str(self.folder),
            "READINGS_DATABASE": str(self.database),
        }

    @property
    def database(self) -> Path:
        return SERVICE.parent / "demo" / f"readings-{self.rows}-{PERIOD_SECONDS}.duckdb"

    def make_table(self) -> None:
        """The service makes its demo table when it starts for the first time."""
        if not self.database.exists():
            self.say(f"making the table of {self.rows:,} readings")
            with uvicorn("my_service.main:app", self.settings):
                pass

    def rows_peer(self, name: str, app: str, path: str) -> Peer:
        """A server that sends the whole table at `path`."""

        def measure() -> Sample:
            with uvicorn(app, self.settings) as server:
                download(server, "/openapi.json")  # what a first request alone pays for
                whole = download(server, path)
            return {
                ROWS: self.rows / whole.seconds,
                FIRST_BYTE: whole.first_byte_seconds * 1000,
                MEMORY: whole.memory_growth / MIB,
            }

        return Peer(name, measure)

    def copy_peer(self, name: str, options: str, query: str = "FROM readings") -> Peer:
        """The database writes the rows to a file itself, with all cores."""

        def measure() -> Sample:
            file = self.folder / "copy"
            copy = (PYTHON, "-m", "benchmarks.peers.copy_readings")
            command = [*copy, self.database, file, options, query]
            result = subprocess.run(
                command, cwd=TEMPLATE, capture_output=True, encoding="utf-8", check=False
            )
            file.unlink(missing_ok=True)
            if result.returncode:
                raise Failed(result.stderr.strip().splitlines()[-1])
            return {ROWS: self.rows / float(result.stdout)}

        return Peer(name, measure)


def check_programs() -> None:
    if not shutil.which("curl"):
        sys.exit("curl is needed for the benchmarks; it is not installed.")
    if not PYTHON.exists():
        sys.exit("There is no rendered service; `make bench` renders it.")
