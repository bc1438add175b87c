import argparse
import json
import os
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

from .comparison import Results, run
from .picture import draw_picture
from .report import facts, write_report
from .servers import SERVICE, TEMPLATE
from .workplace import Workplace, check_programs


def benchmarks_of_modules() -> dict[str, ModuleType]:
    """Those of the template's modules that have a file here, by their names."""
    table = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))["__modules"]
    names = [name for name in table if Path(__file__).with_name(f"{name}.py").exists()]
    return {name: import_module(f"{__package__}.{name}") for name in names}


MODULES = benchmarks_of_modules()


def main() -> None:
    options = parse_options()
    check_programs()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The benchmarks were ended."))
    try:
        results = measure(options)
    except KeyboardInterrupt:
        sys.exit("The benchmarks were ended; nothing was written.")
    if failed := [name for result in results for name in result.failed]:
        sys.exit(f"Failed: {'; '.join(failed)}.")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description="The service against its peers."
    )
    parser.add_argument("--only", choices=["", *MODULES], default="", help="the module to measure")
    parser.add_argument("--rounds", type=positive(int), default=3, help="rounds (%(default)s)")
    parser.add_argument("--scale", type=positive(float), default=1, help="0.1: a tenth of the data")
    return parser.parse_args()


def positive(kind: type[int] | type[float]):
    def parse(text: str) -> float:
        number = kind(text)
        if number <= 0:
            raise ValueError
        return number

    parse.__name__ = f"positive {kind.__name__}"
    return parse


def measure(options: argparse.Namespace) -> list[Results]:
    load, begin = os.getloadavg()[0], time.monotonic()
    names = [options.only] if options.only else list(MODULES)
    results = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        workplace = Workplace(Path(folder), options.scale, say)
        for name in names:
            for group in MODULES[name].groups(workplace):
                say(f"--- {group.title} ({time.monotonic() - begin:.0f} s)")
                results.append(run(group, options.rounds, say))
    page, picture = output(options)
    draw_picture(results, picture)
    write_report(results, facts(command(options), load), page, picture)
    say(f"--- {page} ({time.monotonic() - begin:.0f} s)")
    return results


def output(options: argparse.Namespace) -> tuple[Path, Path]:
    """The docs hold whole runs only, so that all of their numbers are of one run."""
    whole = not options.only and options.scale == 1
    folder = TEMPLATE / "docs" if whole else SERVICE.parent
    return folder / "benchmarks.md", folder / "benchmarks.svg"


def command(options: argparse.Namespace) -> str:
    words = ["make bench", f"ROUNDS={options.rounds}"]
    if options.only:
        words.append(f"ONLY={options.only}")
    if options.scale != 1:
        words.append(f"SCALE={options.scale:g}")
    return " ".join(words)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
