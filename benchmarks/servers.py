"""Servers on loopback: started for one measurement each, and always ended after it."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from .comparison import Failed, Unavailable

TEMPLATE = Path(__file__).parents[1]
SERVICE = TEMPLATE / ".bench" / "my-service"
PYTHON = SERVICE / ".venv" / "bin" / "python"
START_SECONDS = 120

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    sendfile on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
    }}
}}
"""


@dataclass(frozen=True)
class Server:
    port: int
    process: psutil.Process

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def uvicorn(app: str, settings: Mapping[str, str]) -> Generator[Server, None, None]:
    """Serve `app` with one process of uvicorn, the same for all peers.

    The service has its adapter, which is a subclass of uvicorn's own protocol for httptools.
    """
    command = (PYTHON, "-m", "uvicorn", app, "--app-dir", TEMPLATE, "--no-access-log")
    http = "my_service.streaming.server:Connection" if "service" in app else "httptools"
    options = ("--loop", "uvloop", "--http", http, "--log-level", "warning")
    port = free_port()
    with running((*command, *options, "--port", str(port)), port, settings) as server:
        yield server


@contextmanager
def nginx(root: Path) -> Generator[Server, None, None]:
    """Serve the folder `root` with one process of nginx and sendfile."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if not program:
        raise Unavailable("nginx is not installed")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        configuration = Path(folder, "nginx.conf")
        configuration.write_text(NGINX.format(folder=folder, port=port, root=root), "utf-8")
        command = (program, "-p", folder, "-e", "stderr", "-c", configuration)
        with running(command, port, {}) as server:
            yield server


@contextmanager
def redis() -> Generator[str, None, None]:
    """The URL of a Redis that keeps everything in memory."""
    program = shutil.which("redis-server")
    if not program:
        raise Unavailable("redis-server is not installed")
    port = free_port()
    options = ("--port", str(port), "--save", "", "--appendonly", "no", "--loglevel", "warning")
    with running((program, *options), port, {}):
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def running(
    command: tuple[str | Path, ...],
    port: int,
    settings: Mapping[str, str],
    *,
    cwd: Path = SERVICE,
    user: str | None = None,
) -> Generator[Server, None, None]:
    with tempfile.TemporaryFile() as log:
        # In a session of its own, Ctrl-C reaches this process alone, which ends the server itself.
        process = subprocess.Popen(
            command,
            cwd=cwd,
            user=user,
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            if not wait_for(port, process):
                raise Failed("the server did not start")
            yield Server(port, psutil.Process(process.pid))
        except Failed as failure:
            raise Failed(f"{failure}; the server said: {last_line(log)}") from failure
        finally:
            process.kill()
            process.wait()


def last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "nothing"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Whether the server has begun to listen before it ended or the time was over."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return True
    return False
