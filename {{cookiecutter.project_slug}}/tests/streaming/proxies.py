"""HAProxy and Varnish as the docs configure them; nginx, in all its settings, is in `nginx.py`."""

import socket
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.streaming.nginx import swap

DOCS = Path(__file__).parents[2] / "docs" / "streaming"
START_SECONDS = 20
STOP_SECONDS = 10


@contextmanager
def haproxy(program: str, upstream: str, folder: Path, port: int) -> Generator[str]:
    """Run HAProxy before `upstream` and give its URL."""
    text = (DOCS / "haproxy.cfg").read_text(encoding="utf-8")
    text = swap(text, "127.0.0.1:8000", upstream.split("//")[1])
    text = swap(text, "/etc/haproxy/come-back.http", str(DOCS / "come-back.http"))
    config = folder / "haproxy.cfg"
    config.write_text(swap(text, "bind :80", f"bind 127.0.0.1:{port}"), encoding="utf-8")
    with _running([program, "-f", str(config), "-db"], port) as url:
        yield url


@contextmanager
def varnish(
    program: str, upstream: str, folder: Path, port: int, *, vcl: Path = DOCS / "varnish.vcl"
) -> Generator[str]:
    """Run Varnish before `upstream`, which `vcl` has at its default place, and give its URL."""
    text = vcl.read_text(encoding="utf-8")
    host, _, upstream_port = upstream.split("//")[1].partition(":")
    text = swap(swap(text, "127.0.0.1", host), "8000", upstream_port)
    config = folder / "varnish.vcl"
    config.write_text(text, encoding="utf-8")
    options = ["-F", "-f", str(config), "-n", str(folder), "-a", f"127.0.0.1:{port}", "-j", "none"]
    with _running([program, *options, "-s", "malloc,16m"], port) as url:
        yield url


@contextmanager
def _running(command: Sequence[str], port: int) -> Generator[str]:
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert process.poll() is None, f"{command[0]} does not start"
                assert time.monotonic() < deadline, f"{command[0]} does not listen"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        finally:
            process.kill()
