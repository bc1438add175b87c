"""Programs as people run them: in a terminal, and as the console blocks of the docs."""

import os
import re
import select
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from template import users_environment

STOP_SECONDS = 30
END = "--- end of a command"


class Terminal:
    """A program in a terminal of its own: what it prints, and keys for it."""

    def __init__(self, *command: str, cwd: Path, **environment: str) -> None:
        self.output = ""
        self._terminal, inner = os.openpty()
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**users_environment(), **environment},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)

    def read_until(self, pattern: str, seconds: float) -> re.Match[str]:
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.output)):
            assert time.monotonic() < deadline, self.output
            self.read()
        return found

    def read(self) -> None:
        if select.select([self._terminal], [], [], 0.1)[0]:
            try:
                self.output += os.read(self._terminal, 65536).decode(errors="replace")
            except OSError:  # the program has ended
                time.sleep(0.1)

    def press_ctrl_c(self) -> None:
        """What a terminal does then: SIGINT to every process in the foreground."""
        os.killpg(self.process.pid, 2)

    def wait(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.output
            self.read()
        self.read()


class Shell:
    """Runs the console blocks of a page, each in the folder that the last one has left.

    `names` has what the page says for what is different in each run: addresses and folders.
    """

    def __init__(self, folder: Path, names: Mapping[str, str], **environment: str) -> None:
        self.folder = folder
        self.environment = environment
        self._names = names

    def run(self, block: str) -> str:
        """The block with what its commands print now."""
        commands = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
        script = "".join(f"{self.real(line)}\necho '{END}'\n" for line in commands) + "pwd\n"
        result = subprocess.run(
            ["sh", "-c", f"exec 2>&1\n{script}"],
            cwd=self.folder,
            env={**users_environment(), **self.environment},
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
        *printed, folder = result.stdout.split(f"{END}\n")
        self.folder = Path(folder.strip())
        return "".join(
            f"$ {command}\n{self.public(output)}"
            for command, output in zip(commands, printed, strict=True)
        )

    def real(self, command: str) -> str:
        for name, real in self._names.items():
            command = command.replace(name, real)
        return command

    def public(self, output: str) -> str:
        for name, real in self._names.items():
            output = output.replace(real, name)
        return re.sub(r"(?<=[^\n])\Z", "\n", output.lstrip("\n"))
