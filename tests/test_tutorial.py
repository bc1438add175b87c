"""docs/tutorial.md, followed to the letter: each file is written, each command run.

`UPDATE_DOCS=1 make test ARGS='--slow tests/test_tutorial.py'` writes its outputs anew.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import pytest

from template import ADDRESS, TEMPLATE
from terminal import Shell, Terminal

pytestmark = [pytest.mark.slow, pytest.mark.unix]

PAGE = TEMPLATE / "docs" / "tutorial.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
SERVES = re.compile(r"^\$ (.*(?:make run|-m shop --workers).*)\n", re.MULTILINE)
STARTED = r"(?s).*?The service is at .*?\n"
# What differs from run to run, and from version to version.
VARIABLE = re.compile(r"(?<= in )[\d.]+(?=s\b)|\d+(?= (?:files|bytes)\b)")
START_SECONDS = 60
# PostgreSQL refuses to run as root.
USER = "nobody" if os.name == "posix" and os.getuid() == 0 else None
INITDB = "--no-sync --auth=trust --username=postgres --encoding=UTF8 --no-locale --pgdata=data"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture
def postgresql() -> Iterator[int]:
    """The port of a server of one's own, with nothing in it."""
    # Debian keeps the server in a folder that is not on everybody's PATH.
    programs = [*glob("/usr/lib/postgresql/*/bin/pg_ctl"), shutil.which("pg_ctl")]
    if not (found := next(filter(None, programs), None)):
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail("PostgreSQL is not installed")
        pytest.skip("PostgreSQL is not installed")
    port = free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    # Where pytest keeps its folders, nobody but their owner can go.
    with TemporaryDirectory(prefix="postgres-") as folder:
        if USER:
            shutil.chown(folder, USER)

        def run(*command: str | Path) -> None:
            subprocess.run(command, cwd=folder, user=USER, stdout=subprocess.DEVNULL, check=True)

        run(Path(found).with_name("initdb"), *INITDB.split())
        run(found, "start", "--wait", "-D", "data", "-l", "log", "-o", options)
        yield port
        run(found, "stop", "-D", "data", "-m", "immediate")


class Reader:
    """Follows the page in two terminals: the service runs in one of them."""

    def __init__(self, shell: Shell, port: int) -> None:
        self._shell = shell
        self._port = port
        self._service: Terminal | None = None

    def follow(self, block: re.Match[str]) -> str:
        language, title, text = block.groups()
        if title:
            path = self._shell.folder / title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif serves := SERVES.search(text):
            before = self._shell.run(text[: serves.start()])
            text = f"{before}$ {serves[1]}\n{self.serve(serves[1])}"
        elif language == "console":
            text = self._shell.run(text)
        return block[0].replace(block[3], text)

    def serve(self, command: str) -> str:
        self.stop()
        self._service = Terminal(
            *("sh", "-c", self._shell.real(command)),
            cwd=self._shell.folder,
            **self._shell.environment,
            PORT=str(self._port),
        )
        said = self._service.read_until(STARTED, START_SECONDS)[0]
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            assert time.monotonic() < deadline, self._service.output
            self._service.read()
        return self._shell.public(said.replace("\r\n", "\n"))

    def is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        if self._service:
            self._service.press_ctrl_c()
            self._service.wait()


def test_every_command_of_the_tutorial_prints_what_it_says(
    template_repository, postgresql, run, tmp_path, uv
):
    home = tmp_path / "home" / "ada"
    home.mkdir(parents=True)
    # To a terminal it shows no progress.
    (home / ".curlrc").write_text("silent\nshow-error\n", encoding="utf-8")
    port = free_port()
    names = {
        ADDRESS: f"git+file://{template_repository.folder}",
        "127.0.0.1:8000": f"127.0.0.1:{port}",
        "--port 8000": f"--port {port}",
        "@127.0.0.1/": f"@127.0.0.1:{postgresql}/",
        "/home/ada": str(home),
    }
    environment = {
        "HOME": str(home),
        "PATH": f"{Path(uv).parent}{os.pathsep}{os.environ['PATH']}",
        "UV_CACHE_DIR": run(uv, "cache", "dir", cwd=tmp_path).stdout.strip(),
    }
    # The first time it says what it installs.
    run(f"{uv}x", "cookiecutter", "--version", cwd=tmp_path, **environment)
    reader = Reader(Shell(home, names, **environment), port)
    text = PAGE.read_text("utf-8")
    try:
        real = BLOCK.sub(reader.follow, text)
    finally:
        reader.stop()
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(real, encoding="utf-8")
        text = real
    assert VARIABLE.sub("…", text) == VARIABLE.sub("…", real)
