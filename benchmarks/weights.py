"""What a service weighs, for each combination of modules: `make weights` writes docs/weights.md.

Each combination is rendered, gets an environment without development tools, and is started once
as in production.
"""

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.request import urlopen

import psutil
from cookiecutter.main import cookiecutter

from .servers import TEMPLATE

PAGE = TEMPLATE / "docs" / "weights.md"
MODULES = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))["__modules"]
START_SECONDS = 60
# What a service has when it has not been asked for anything yet; then its memory is read.
SETTLE_SECONDS = 2


class Weight(NamedTuple):
    modules: tuple[str, ...]
    environment_megabytes: float
    resident_mebibytes: float
    start_seconds: float
    lines: int


def combinations() -> Iterator[tuple[str, ...]]:
    """Every choice of modules, those with few of them first."""
    choices = product((True, False), repeat=len(MODULES))
    names = [
        tuple(name for name, chosen in zip(MODULES, choice, strict=True) if chosen)
        for choice in choices
    ]
    return iter(sorted(filter(None, names), key=len))


def weigh(modules: tuple[str, ...], template: Path, uv: str, folder: Path) -> Weight:
    """Render `template`, without environments, into `folder`, and start what it makes there."""
    project = Path(
        cookiecutter(
            str(template),
            no_input=True,
            default_config=True,
            output_dir=str(folder),
            extra_context={name: name in modules for name in MODULES},
        )
    )
    subprocess.run(
        [uv, "sync", "--quiet", "--no-dev", "--compile-bytecode"], cwd=project, check=True
    )
    resident, seconds = start(project)
    return Weight(
        modules,
        size(project / ".venv") / 1e6,
        resident / 2**20,
        seconds,
        sum(len(path.read_text("utf-8").splitlines()) for path in project.glob("src/**/*.py")),
    )


def copy_of_the_template(folder: Path) -> Path:
    """What git knows of it, and no environments: cookiecutter copies all that there is."""
    copy = folder / "template"
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],  # noqa: S607
        cwd=TEMPLATE,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in files:
        if name and (TEMPLATE / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((TEMPLATE / name).read_bytes())
    return copy


def start(project: Path) -> tuple[int, float]:
    """The resident bytes of a service that is ready, and how long its second start took."""
    python = project / ".venv" / "bin" / "python"
    # Users have bytecode, and the demo is made once.
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }
    for _ in range(2):
        began = time.monotonic()
        command = [python, "-m", "my_service", "--port", "0"]
        with subprocess.Popen(
            command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            line = process.stdout.readline() if process.stdout else b""
            url = re.findall(rb"http://\S+", line)[0].decode()
            seconds = wait_until_ready(url) - began
            time.sleep(SETTLE_SECONDS)
            resident = psutil.Process(process.pid).memory_info().rss
            process.send_signal(signal.SIGINT)  # which does not wait for proxies
    return resident, seconds


def wait_until_ready(url: str) -> float:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urlopen(f"{url}/readyz", timeout=START_SECONDS):  # noqa: S310
                return time.monotonic()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def write_page(weights: list[Weight]) -> None:
    rows = "\n".join(
        f"| {', '.join(f'`{name}`' for name in weight.modules)} | {weight.environment_megabytes:.0f} "
        f"| {weight.resident_mebibytes:.0f} | {weight.start_seconds:.1f} | {weight.lines:,} |"
        for weight in weights
    )
    PAGE.write_text(
        f"""# What a service weighs

`make weights` renders each combination of modules, installs it without development tools, starts it as in production (`python -m my_service`, bytecode compiled, the demo made before) and writes this page. Python {platform.python_version()}, {platform.system()} {platform.machine()}.

| modules | environment, MB | resident once started, MiB | start, s | lines of Python |
| --- | ---: | ---: | ---: | ---: |
{rows}

Lines are those of `src/`, docstrings and blank lines included. A service without `jsonl` and `batch_export` has no part `records`, and with it neither DuckDB nor Arrow.
""",
        encoding="utf-8",
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="make weights", description=__doc__)
    parser.add_argument("--uv", required=True, help="the path of uv")
    uv = str(Path(parser.parse_args().uv).resolve())
    weights = []
    with TemporaryDirectory(prefix="weights-") as folder:
        template = copy_of_the_template(Path(folder))
        for number, modules in enumerate(combinations(), 1):
            print(f"{number:2} of {2 ** len(MODULES) - 1}: {' + '.join(modules)}", file=sys.stderr)
            weights.append(weigh(modules, template, uv, Path(folder) / str(number)))
    write_page(weights)
    print(PAGE, file=sys.stderr)


if __name__ == "__main__":
    main()
