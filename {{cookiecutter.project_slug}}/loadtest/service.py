"""The service under load: started as in production, or one that runs already."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

LOG = Path("loadtest/service.log")
READY_SECONDS = 120.0
END_SECONDS = 30.0
PACKAGE = "{{ cookiecutter.package_name }}"


class Service(NamedTuple):
    url: str
    pid: int | None = None


@contextmanager
def start_service(*program: str, **environment: str) -> Generator[Service]:
    """Start it at a free port; when this yields, it is ready. Its output goes to `LOG`.

    `program` is what Python runs with `-m`, in place of the service's own.
    Raises `SystemExit` when it does not come up.
    """
    with LOG.open("w+") as log:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", *(program or [PACKAGE]), "--port", "0"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
            start_new_session=True,  # Ctrl-C is ours: the service ends last
        )
        try:
            yield Service(wait_for_url(process), process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for_url(process: subprocess.Popen[bytes]) -> str:
    deadline = monotonic() + READY_SECONDS
    while monotonic() < deadline and process.poll() is None:
        if found := re.search(r"The service is at (\S+)", LOG.read_text("utf-8")):
            wait_until_ready(found[1], deadline)
            return found[1]
        sleep(0.1)
    sys.exit(f"The service has not come up; its last words:\n{LOG.read_text('utf-8')[-2_000:]}")


def wait_until_ready(url: str, deadline: float) -> None:
    """Raises `SystemExit` with what `/readyz` said last."""
    said = "nothing"
    while monotonic() < deadline:
        try:
            with urlopen(f"{url}/readyz", timeout=5):  # noqa: S310
                return
        except (URLError, OSError) as error:
            said = str(error)
            sleep(0.2)
    sys.exit(f"{url}/readyz does not say that it is ready, but: {said}")
