import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

START_SECONDS = 20


class RedisServer:
    """A real redis-server that writes each command to its append-only file."""

    def __init__(self, program: str, folder: Path, port: int) -> None:
        options = ["--port", str(port), "--dir", str(folder), "--save", "", "--appendonly", "yes"]
        self._command = [program, *options, "--appendfsync", "always", "--loglevel", "warning"]
        self._port = port
        self._data = folder / "appendonlydir"
        self.url = f"redis://127.0.0.1:{port}"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command)
        deadline = time.monotonic() + START_SECONDS
        while self.ask("PING") != "+PONG":
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.05)

    def ask(self, command: str) -> str:
        """The first line of the answer."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=5) as connection:
                connection.sendall(f"{command}\r\n".encode())
                return connection.recv(4096).decode().partition("\r\n")[0]
        except OSError:
            return ""

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def save(self, folder: Path) -> None:
        shutil.copytree(self._data, folder)

    def go_back_to(self, saved: Path) -> None:
        """Start anew with what was saved, as after a restore or a failover to a slow replica."""
        self.kill()
        shutil.rmtree(self._data)
        shutil.copytree(saved, self._data)
        self.start()

    def pause(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)
