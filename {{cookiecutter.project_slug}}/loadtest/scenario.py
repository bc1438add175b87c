"""Runs one scenario in Locust, in a process of its own."""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from loadtest.programs import running


def run_scenario(module: str, **options: str | float) -> dict[str, Any]:
    """The entry of `results.json` about a scenario, without what it says of the network.

    `options` are `url`, `watch_url` (of the service itself), `network`, `seconds`, `readers`, and
    others of Locust; one that is `True` has no value.
    Raises `SystemExit` when Locust ends without figures.
    """
    with TemporaryDirectory() as folder:
        out = Path(folder) / "scenario.json"
        options |= {"scenario": module, "run_id": uuid4().hex[:8], "out": str(out)}
        options |= {"host": options.pop("url"), "stop_timeout": 1}
        command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py"]
        command += ["--headless", "--skip-log-setup"]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
        # Locust puts the folder of its file on the path; ours is that of the project.
        with running(command, env=os.environ | {"PYTHONPATH": "."}) as locust:
            pass
        if not out.exists():
            sys.exit(f"Locust has ended with {locust.returncode}, and says no figures.")
        return json.loads(out.read_text("utf-8"))
