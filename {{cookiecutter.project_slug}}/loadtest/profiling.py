"""`make profile MODULE=…`: where the service's time and memory go under the load of a scenario."""

import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path
from pkgutil import iter_modules
from subprocess import check_output

import loadtest.modules
from loadtest.programs import exit_on_signals, running
from loadtest.scenario import run_scenario
from loadtest.service import start_service

FOLDER = Path("loadtest/profiles")
MODULES = [module.name for module in iter_modules(loadtest.modules.__path__)]
READERS = 20
NO_PTRACE = (
    "It needs a service at work, and the right to ptrace: be root; in a container, run it with "
    "--cap-add=SYS_PTRACE; on Linux, set kernel.yama.ptrace_scope=0."
)
NO_DEBUGGER = "The profile of memory needs gdb or lldb, or Python 3.14."


def record(module: str, seconds: int, *profiler: str | Path) -> None:
    """Load a new service while a profiler looks at it. Raises `SystemExit` where that may not."""
    with start_service() as service:
        command = [*map(str, profiler), str(service.pid)]
        with running(command) as recording:
            where = {"url": service.url, "watch_url": service.url, "network": "direct"}
            run_scenario(module, **where, seconds=seconds, readers=READERS)
    if recording.returncode:
        sys.exit(f"{profiler[0]} has made no profile. {NO_PTRACE}")


def profile_time(module: str, seconds: int) -> Path:
    """Make a flame graph of where the time goes; the service is not stopped for samples."""
    page = FOLDER / f"{module}-time.svg"
    options = ["--nonblocking", "--duration", str(seconds), "--output", page, "--pid"]
    record(module, seconds, "py-spy", "record", *options)
    return page


def profile_memory(module: str, seconds: int) -> Path:
    """Make a flame graph of what was in memory when there was most of it."""
    if sys.version_info < (3, 14) and not (shutil.which("gdb") or shutil.which("lldb")):
        sys.exit(NO_DEBUGGER)
    records, page = FOLDER / f"{module}-memory.bin", FOLDER / f"{module}-memory.html"
    options = ["--force", "--duration", str(seconds), "--output", records]
    record(module, seconds, "memray", "attach", *options)
    command = ["memray", "flamegraph", "--no-web", "--force", "--output", page, records]
    check_output(command)  # noqa: S603
    return page


PROFILES = {"time": profile_time, "memory": profile_memory}


def main() -> None:
    parser = ArgumentParser(prog="python -m loadtest.profiling", description=__doc__)
    parser.add_argument("--module", required=True, choices=MODULES, help="whose scenario is run")
    parser.add_argument("--of", nargs="+", choices=PROFILES, default=PROFILES, help="both")
    parser.add_argument("--seconds", type=int, default=20, help="%(default)s")
    options = parser.parse_args()
    exit_on_signals()
    FOLDER.mkdir(exist_ok=True)
    pages = [PROFILES[kind](options.module, options.seconds) for kind in options.of]
    print(
        f"\nOpen {' and '.join(map(str, pages))}; docs/guides/profiling.md says how to read them."
    )


if __name__ == "__main__":
    main()
