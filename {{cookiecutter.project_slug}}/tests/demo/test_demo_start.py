"""The demo's first start: it waits for others, heeds signals, and leaves nothing half-made."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from {{ cookiecutter.package_name }}.demo.readings import (
    unfinished,
)

from tests.streaming.fixtures import APP, PACKAGE, PROJECT, START_SECONDS

MANY_ROWS = 20_000_000
STARTED = "Application startup complete"

Started = tuple["subprocess.Popen[bytes]", Callable[[str], None]]


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., AbstractContextManager[Started]]:
    """Start the service over an empty demo folder: the process, and what waits for a log line."""

    @contextmanager
    def start_service(*, rows: int) -> Generator[Started]:
        environment = {"DEMO_FOLDER": str(tmp_path), "DEMO_ROWS": str(rows)}
        environment["STREAMING_DRAIN_DELAY_SECONDS"] = "0"
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"{PACKAGE}.streaming", APP, "--port", "0"],
                env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
                cwd=tmp_path,
                stdout=log,
                stderr=log,
            )

        def wait_for(pattern: str) -> None:
            deadline = time.monotonic() + START_SECONDS
            while not re.search(pattern, text := (tmp_path / "log").read_text("utf-8")):
                assert process.poll() is None, text
                assert time.monotonic() < deadline, text
                time.sleep(0.05)

        try:
            yield process, wait_for
        finally:
            process.kill()
            process.wait()

    return start_service


@pytest.mark.slow
def test_who_waits_for_another_process_says_so_and_heeds_sigterm(start, tmp_path):
    locks = FileLock(tmp_path / "began.lock"), FileLock(tmp_path / "files-1000.lock")
    with locks[0], locks[1], start(rows=1_000) as (process, wait_for):
        wait_for(f"another process makes .*(began|files-1000), which is waited for|{STARTED}")
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)
    assert "Traceback" not in (tmp_path / "log").read_text("utf-8")


@pytest.mark.slow
def test_ctrl_c_while_it_is_made_leaves_nothing_half_made(start, tmp_path):
    with start(rows=MANY_ROWS) as (process, wait_for):
        wait_for(rf"Demo data: [1-9]|{STARTED}")  # events alone need nothing made
        process.send_signal(signal.SIGINT)
        process.wait(START_SECONDS)
    assert "Traceback" not in (tmp_path / "log").read_text("utf-8")
    left = {path.name for path in tmp_path.iterdir() if path.suffix != ".lock"}
    assert left <= {".gitignore", "began", "data", "log"}


def test_what_a_killed_process_has_left_is_made_anew(tmp_path):
    half = tmp_path / "made.unfinished"
    half.mkdir()
    (half / "made").write_text("hal", "utf-8")
    (half / "made.wal").write_text("a database would go on with it", "utf-8")
    with unfinished(tmp_path / "made") as path:
        assert path is not None
        assert not path.exists()
        path.write_text("all of it", "utf-8")
    assert {each.name for each in tmp_path.iterdir()} == {".gitignore", "made", "made.lock"}
    with unfinished(tmp_path / "made") as path:
        assert path is None


def test_what_fails_leaves_nothing(tmp_path):
    def fail() -> None:
        with unfinished(tmp_path / "made") as path:
            assert path is not None
            path.mkdir()
            (path / "part").touch()
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail()
    assert {each.name for each in tmp_path.iterdir()} == {".gitignore", "made.lock"}
