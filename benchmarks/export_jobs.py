"""Export jobs: from the request to the last segment, and from a kill to the end elsewhere."""

import json
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from .comparison import Failed, Group, Limit, Metric, Peer, Ratio, Sample
from .servers import Server, uvicorn
from .workplace import ROWS, Workplace

APP = "my_service.main:app"
AFTER_KILL = Metric("SIGKILL to complete, s", 1, less_is_better=True)
KILLED = "job, csv, killed in the middle"
# So that a kill in the middle leaves some of them whole.
SEGMENTS = 16
BYTES_OF_A_ROW = 64
POLL_SECONDS = 0.02
LONGEST_SECONDS = 120


def job_group(workplace: Workplace, formats: dict[str, str]) -> Group:
    jobs = {format: f"job, {format}" for format in formats}
    return Group(
        "Export jobs",
        f"{workplace.rows:,} readings of 6 columns, from DuckDB to segments on disk, each synced and "
        "with its digest: from the request to the status `complete`, in the service's own process. "
        "After SIGKILL a new process starts at once; it waits for a lease of 5 s to end.",
        (ROWS, AFTER_KILL),
        (
            *(_job_peer(workplace, name, format) for format, name in jobs.items()),
            *(workplace.copy_peer(_copy(format), options) for format, options in formats.items()),
            Peer(KILLED, lambda: _measure_kill(workplace)),
        ),
        tuple(Ratio(ROWS, name, _copy(format)) for format, name in jobs.items()),
        (Limit(AFTER_KILL, KILLED, 10),),
    )


def _copy(format: str) -> str:
    return f"DuckDB, COPY {format} to a file"


def _job_peer(workplace: Workplace, name: str, format: str) -> Peer:
    def measure() -> Sample:
        with _storage(workplace) as (settings, _), uvicorn(APP, settings) as server:
            begin = time.perf_counter()
            _wait(server, _start(server, format), workplace.rows)
            return {ROWS: workplace.rows / (time.perf_counter() - begin)}

    return Peer(name, measure)


def _measure_kill(workplace: Workplace) -> Sample:
    with _storage(workplace) as (settings, folder):
        with uvicorn(APP, settings) as server:
            path = _start(server, "csv")
            deadline = time.perf_counter() + LONGEST_SECONDS
            while len([*folder.glob("*/*")]) < SEGMENTS // 2:
                if time.perf_counter() > deadline:
                    raise Failed("the job has made no segments")
                time.sleep(POLL_SECONDS)
            server.process.kill()
            begin = time.perf_counter()
        with uvicorn(APP, settings) as server:
            _wait(server, path, workplace.rows)
            return {AFTER_KILL: time.perf_counter() - begin}


@contextmanager
def _storage(workplace: Workplace) -> Generator[tuple[dict[str, str], Path], None, None]:
    """The settings of a service with an empty folder for its jobs, and the folder."""
    folder = Path(tempfile.mkdtemp(dir=workplace.folder))
    try:
        yield (
            {
                **workplace.settings,
                "BATCH_EXPORT_STORAGE_URL": folder.as_uri(),
                "BATCH_EXPORT_SEGMENT_BYTES": str(workplace.rows * BYTES_OF_A_ROW // SEGMENTS),
            },
            folder,
        )
    finally:
        shutil.rmtree(folder)


def _start(server: Server, format: str) -> str:
    body = json.dumps({"source": "readings", "format": format}).encode()
    headers = {"Content-Type": "application/json"}
    with _open(Request(server.url("/exports"), body, headers)) as response:  # noqa: S310
        return response.headers["Location"]


def _wait(server: Server, path: str, rows: int) -> None:
    deadline = time.perf_counter() + LONGEST_SECONDS
    while (job := _read(server, path))["status"] in {"accepted", "running"}:
        if time.perf_counter() > deadline:
            raise Failed("the job does not end")
        time.sleep(POLL_SECONDS)
    found = sum(segment["rows"] for segment in job["segments"])
    if job["status"] != "complete" or found < rows:
        raise Failed(f"the job is {job['status']} with {found} rows")


def _read(server: Server, path: str) -> dict[str, Any]:
    with _open(Request(server.url(path))) as response:  # noqa: S310
        return json.load(response)


def _open(request: Request) -> Any:
    return urlopen(request, timeout=LONGEST_SECONDS)  # noqa: S310 - a server of our own
