"""Runs one scenario in Locust, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4


def run_scenario(
    module: str,
    *,
    url: str,
    watch_url: str,
    network: str,
    seconds: float,
    readers: int,
    workers: int = 0,
) -> dict[str, Any]:
    """The entry of `results.json` about a scenario of `seconds`.

    Raises `SystemExit` when Locust ends without one.
    """
    with TemporaryDirectory() as folder:
        out = Path(folder) / "scenario.json"
        options = {
            "--host": url,
            "--watch-url": watch_url,
            "--scenario": module,
            "--network": network,
            "--seconds": seconds,
            "--readers": readers,
            "--run-id": uuid4().hex[:8],
            "--out": out,
            "--stop-timeout": 1,
            **({"--processes": workers} if workers else {}),
        }
        command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py"]
        command += ["--headless", "--skip-log-setup"]
        command += [str(word) for option in options.items() for word in option]
        # Locust puts the folder of its file on the path; ours is that of the project.
        status = subprocess.run(command, env=os.environ | {"PYTHONPATH": "."}, check=False)  # noqa: S603
        if not out.exists():
            sys.exit(f"Locust has ended with {status.returncode}, and says no figures.")
        return json.loads(out.read_text("utf-8"))
