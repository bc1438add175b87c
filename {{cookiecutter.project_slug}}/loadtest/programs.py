"""Programs that do not outlive what they are started for."""

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

SIGNALS = signal.SIGTERM, signal.SIGHUP
END_SECONDS = 10.0


@contextmanager
def running(
    command: list[str], env: dict[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """Start a program and wait for its end; it is ended where the block is left by an error."""
    with subprocess.Popen(command, env=env) as process:  # noqa: S603
        try:
            yield process
            process.wait()
        except BaseException:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
            process.kill()
            raise


def exit_on_signals() -> None:
    """Make `SystemExit` of a signal that ends a program, so that what it has started ends first.

    What is ignored (`nohup`) stays so.
    """

    def leave(number: int, _: Any) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)  # what ends is not interrupted
        sys.exit(128 + number)

    for each in SIGNALS:
        if signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, leave)
