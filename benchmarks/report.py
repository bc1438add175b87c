"""The results as a page: a table of what was measured and one of the ratios for each group."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from statistics import median

from .comparison import Limit, Metric, Ratio, Results
from .servers import PYTHON

PACKAGES = (
    "fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "msgspec",
    "sse-starlette", "duckdb", "pyarrow", "arro3-io",
)  # fmt: skip

INTRODUCTION = """\
# Benchmarks

The generated service against its peers: one machine, one run, on loopback. Each number is the \
median of the rounds, with the least and the greatest in brackets. In a round the peers take \
turns, each with a server of its own that is started for it and has answered one request before: \
one process of uvicorn with uvloop and httptools, without an access log. Downloads are read by \
curl and thrown away. "memory, MiB more" is by how much the resident memory of the server grew \
at most during the download. A ratio says how many times better the service is in the same \
round: more records, or less time or memory.

`make bench` writes this page and its picture. Where a target is missed, the page says so.
"""


def write_report(results: list[Results], facts: list[str], page: Path, picture: Path) -> None:
    parts = [INTRODUCTION, f"![Ratios of each group]({picture.name})\n"]
    parts += ["\n".join(f"- {fact}" for fact in facts) + "\n"]
    for result in results:
        parts += [f"## {result.group.title}\n", f"{result.group.data}\n"]
        parts += [table(*measured(result)), table(*compared(result))]
        parts += [f"- {name} was left out: {why}.\n" for name, why in missing(result)]
    page.write_text("\n".join(filter(None, parts)), encoding="utf-8")


def measured(results: Results) -> tuple[list[str], list[list[str]]]:
    metrics = results.group.metrics
    rows = [
        [peer.name, *(spread(results.values(peer.name, metric), metric) for metric in metrics)]
        for peer in results.group.peers
        if peer.name in results.samples
    ]
    return ["", *(metric.title for metric in metrics)], rows


def compared(results: Results) -> tuple[list[str], list[list[str]]]:
    rows = [ratio_row(results, ratio) for ratio in results.group.ratios if results.ratios(ratio)]
    rows += [
        limit_row(results, limit)
        for limit in results.group.limits
        if results.values(limit.peer, limit.metric)
    ]
    return ["", "result", "target", ""], rows


def ratio_row(results: Results, ratio: Ratio) -> list[str]:
    name = f"{ratio.peer} ÷ {ratio.baseline}: {ratio.metric.title}"
    values = results.ratios(ratio)
    result = f"**{times(median(values))}** ({times(min(values))}–{times(max(values))})"
    if ratio.at_least is None:
        return [name, result, "", ""]
    return [name, result, f"≥ {ratio.at_least:g}×", verdict(median(values) >= ratio.at_least)]


def limit_row(results: Results, limit: Limit) -> list[str]:
    name = f"{limit.peer}: {limit.metric.title}"
    values = results.values(limit.peer, limit.metric)
    met = verdict(median(values) <= limit.at_most)
    return [name, spread(values, limit.metric), f"≤ {limit.at_most:g}", met]


def verdict(met: bool) -> str:
    return "met" if met else "missed"


def times(ratio: float) -> str:
    """About three digits: fewer would round a miss to its target."""
    return f"{ratio:.{2 if ratio < 10 else 1}f}×"  # noqa: PLR2004


def spread(values: list[float], metric: Metric) -> str:
    if not values:
        return "–"
    low, middle, high = (
        f"{value:,.{metric.digits}f}" for value in (min(values), median(values), max(values))
    )
    return f"{middle} ({low}–{high})"


def missing(results: Results) -> Iterable[tuple[str, str]]:
    return [*results.skipped.items(), *results.failed.items()]


def table(titles: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    lines = [titles, ["---"] + ["---:"] * (len(titles) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def facts(command: str, load: float) -> list[str]:
    """Where, when and how; `load` is the load average of the machine before the run."""
    python = service_says("import platform; print(platform.python_version())")
    cores = f"{platform.system()} {platform.machine()}, {processor()}, {os.cpu_count()} cores"
    return [
        f"Command: `{command}` on {date.today().isoformat()}",
        f"Machine: {cores}; load average before the run {load:.1f}",
        f"Python {python}, {', '.join(versions())}",
        f"Programs: {first_line('curl', '--version')}, {first_line('nginx', '-v')}",
    ]


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def versions() -> list[str]:
    code = "import sys, importlib.metadata as m; [print(n, m.version(n)) for n in sys.argv[1:]]"
    return service_says(code, *PACKAGES).splitlines()


def service_says(code: str, *arguments: str) -> str:
    command = [PYTHON, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout.strip()


def first_line(program: str, option: str) -> str:
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if not path:
        return f"no {program}"
    said = subprocess.run([path, option], capture_output=True, encoding="utf-8", check=False)
    line = (said.stdout or said.stderr).splitlines()[0]
    return line.removeprefix("nginx version: ").partition("(")[0].strip()
