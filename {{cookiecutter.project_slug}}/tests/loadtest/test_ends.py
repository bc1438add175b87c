"""What a load test has started ends with it, however it is ended."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.profiling import MODULES
from tests.streaming.fixtures import PROJECT
from tests.streaming.waiting import wait_until

PATIENCE_SECONDS = 60
MODULE = MODULES[0]
# A command, what it starts last, and how it is ended.
CASES = {
    "tune, whose terminal is closed": (
        ["loadtest.tune", "--network", "3g", "--seconds", "60"],
        "loadtest.network",
        signal.SIGHUP,
    ),
    "load, by workers": (
        ["loadtest", "--module", MODULE, "--duration", "5m", "--workers", "2"],
        "loadtest.watch",
        signal.SIGTERM,
    ),
    "profile": (
        ["loadtest.profiling", "--module", MODULE, "--of", "time", "--seconds", "300"],
        "loadtest.watch",
        signal.SIGTERM,
    ),
}
SLOW = {"load, by workers", "profile"}


def programs_in(folder: Path) -> list[str]:
    """The command of each process of this machine that works in a folder."""
    commands = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                commands.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended, or is another user's
            continue
    return commands


@pytest.mark.parametrize(
    ("arguments", "last", "number"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.slow] * (name in SLOW))
        for name, case in CASES.items()
    ],
)
def test_all_that_was_started_ends_with_a_signal(arguments, last, number, tmp_path):
    shutil.copytree(PROJECT / "loadtest", tmp_path / "loadtest")
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            env=os.environ
            | {
                "DEMO_ROWS": "1000",
                "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}",
                "PYTHONPATH": str(PROJECT),  # where the package is not installed
            },
            stdout=said,
            stderr=said,
        )
    try:
        wait_until(lambda: any(last in each for each in programs_in(tmp_path)), PATIENCE_SECONDS)
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 128 + number
        wait_until(lambda: not programs_in(tmp_path), PATIENCE_SECONDS)
    finally:
        process.kill()
