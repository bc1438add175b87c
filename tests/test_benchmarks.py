"""The benchmarks measure what they say, and report what they measured."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.comparison import (
    Failed,
    Group,
    Limit,
    Metric,
    Peer,
    Ratio,
    Results,
    Sample,
    Unavailable,
    run,
)
from benchmarks.picture import draw_picture
from benchmarks.report import write_report
from template import TEMPLATE

RATE = Metric("records/s")
DELAY = Metric("first byte, ms", 1, less_is_better=True)

FAST = [{RATE: 300, DELAY: 2}, {RATE: 800, DELAY: 1}, {RATE: 1_000, DELAY: 5}]
SLOW = [{RATE: 100, DELAY: 4}, {RATE: 100, DELAY: 4}, {RATE: 200, DELAY: 5}]


def peer(name: str, samples: Sequence[Sample]) -> Peer:
    turns = iter(samples)
    return Peer(name, lambda: next(turns))


def refuse(error: Exception) -> Peer:
    def measure():
        raise error

    return Peer(str(error), measure)


@pytest.fixture
def results() -> list[Results]:
    group = Group(
        "A group",
        "Some data.",
        (RATE, DELAY),
        (
            peer("slow", SLOW),
            peer("fast", FAST),
            refuse(Unavailable("no program")),
            refuse(Failed("no answer")),
        ),
        (
            Ratio(RATE, "fast", "slow", 4),
            Ratio(DELAY, "fast", "slow", 2.5),
            Ratio(RATE, "fast", "no program"),
        ),
        (Limit(DELAY, "fast", 2),),
    )
    return [run(group, 3, lambda line: None)]


def test_the_page_has_the_median_of_the_ratios_of_each_round_and_their_range(results, tmp_path):
    page = tmp_path / "page.md"
    write_report(results, ["Command: this one"], page, tmp_path / "picture.svg")
    text = page.read_text(encoding="utf-8")
    assert "| fast | 800 (300–1,000) | 2.0 (1.0–5.0) |" in text
    assert "| fast ÷ slow: records/s | **5.00×** (3.00×–8.00×) | ≥ 4× | met |" in text
    assert "| fast ÷ slow: first byte, ms | **2.00×** (1.00×–4.00×) | ≥ 2.5× | missed |" in text
    assert "| fast: first byte, ms | 2.0 (1.0–5.0) | ≤ 2 | met |" in text
    assert "- no program was left out: no program." in text
    assert "- no answer was left out: no answer." in text


def test_a_peer_that_is_missing_is_asked_once_and_compared_with_nothing(results):
    [result] = results
    assert result.skipped == {"no program": "no program"}
    assert result.failed == {"no answer": "no answer"}
    assert result.ratios(result.group.ratios[-1]) == []


def test_the_picture_names_each_ratio(results, tmp_path):
    picture = tmp_path / "picture.svg"
    draw_picture(results, picture)
    texts = "\n".join(ET.parse(picture).getroot().itertext())  # noqa: S314
    assert texts.count("fast ÷ slow") == 2
    assert "5.00×" in texts
    assert "2.00×" in texts


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.unix
def test_make_bench_measures_a_rendered_service(checkout, run, uv):
    """One group with little data; the types of the peers are checked where their packages are."""
    command = ("make", "bench", "ONLY=file_download", "ROUNDS=1", "SCALE=0.002", f"UV={uv}")
    docs = contents(checkout / "docs")
    said = run(*command, cwd=checkout).stdout
    page = (checkout / ".bench" / "benchmarks.md").read_text(encoding="utf-8")
    assert re.search(r"\| service, /files \| [\d.]+", page), said
    assert re.search(r"\| service, /files ÷ Starlette, StaticFiles: GB/s \| \*\*[\d.]+×", page)
    assert (checkout / ".bench" / "benchmarks.svg").is_file()
    assert contents(checkout / "docs") == docs  # which have whole runs only
    python = checkout / ".bench" / "my-service" / ".venv"
    run(uv, "run", "ty", "check", "--python", python, "benchmarks/peers", cwd=checkout)


def test_the_figures_of_the_readme_stand_on_the_page():
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    figures = re.findall(r"\| ([\d.]+×) \|$", readme, re.MULTILINE)
    page = (TEMPLATE / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert figures
    assert [figure for figure in figures if f"**{figure}**" not in page] == []
