"""Verdicts, figures and budgets, from values that are made up."""

import sys
import tomllib
from itertools import pairwise

import pytest

from loadtest.baseline import write_budgets
from loadtest.recording import Recorder
from loadtest.results import Results, Slope
from loadtest.timeline import CALM, DISTURBED, STORM, Timeline
from loadtest.verdict import judge, read_budgets
from tests.streaming.fixtures import PROJECT


def seconds(**values: float) -> dict[str, object]:
    return {"unit": "s", **values}


# Figures, budgets, and the outcome of each.
VERDICTS = {
    "kept": ({"gap": seconds(p50=0.5)}, {"gap.p50": 1.0}, ["kept"]),
    "missed": ({"gap": seconds(p50=1.5)}, {"gap.p50": 1.0}, ["missed"]),
    "too few values": ({"gap": {"unit": "s", "p50": None}}, {"gap.p50": 1.0}, ["unknown"]),
    "not measured": ({}, {"gap.p50": 1.0}, ["unknown"]),
    "a gap because events are withheld": (
        {"gap": seconds(p50=2), "delivery": seconds(p50=2)},
        {"gap.p50": 1.0, "delivery.p50": 0.5},
        ["follows", "missed"],
    ),
    "a first byte that is too late for the loop to be the cause": (
        {"first_byte": seconds(p50=2), "loop_delay": seconds(typical=0.3)},
        {"first_byte.p50": 1.0, "loop_delay.typical": 0.2},
        ["missed", "missed"],
    ),
    "a first byte that waits for the loop": (
        {"first_byte": seconds(p50=1.1), "loop_delay": seconds(typical=0.3)},
        {"first_byte.p50": 1.0, "loop_delay.typical": 0.2},
        ["follows", "missed"],
    ),
}


@pytest.mark.parametrize(("figures", "budgets", "outcomes"), VERDICTS.values(), ids=VERDICTS)
def test_a_budget_is_judged(figures, budgets, outcomes):
    verdicts = judge(figures, budgets)
    assert [verdict["outcome"] for verdict in verdicts] == outcomes
    assert all(bool(v["cause"]) == (v["outcome"] in ("missed", "follows")) for v in verdicts)


@pytest.mark.parametrize("length", [3, 10, 60, 8 * 3600])
def test_phases_follow_each_other_to_the_end(length):
    phases = Timeline(length).phases
    assert phases[0].start == 0
    assert phases[-1] == (STORM, phases[-1].start, length)
    for one, next_one in pairwise(phases):
        assert one.end == pytest.approx(next_one.start)
        assert one.start < one.end
    assert [p.name for p in phases].count(CALM) == [p.name for p in phases].count(DISTURBED) >= 2


def test_what_processes_recorded_is_put_together():
    results, timeline = Results(), Timeline(10)
    for _ in range(3):  # workers
        recorder = Recorder(timeline)
        for milliseconds in range(1, 101):
            recorder.time("gap", milliseconds / 1000, CALM)
        recorder.count("missing", 2)
        results.add(recorder.take())
        assert not any(recorder.take()[name] for name in ("times", "counts", "points"))
        assert not any(recorder.take()["cpu"])
    assert results.percentile("gap", 90) == pytest.approx(0.09, rel=0.01)
    assert results.percentile("gap", 99) is None  # three values are beyond it
    assert results.counts["missing"] == 6


# Samples of each process, in seconds used and gone by, and what the busiest one used.
GENERATORS = {
    "none": ([], None),
    "one that was late half of the time": ([[(0.0, 0.02)] * 50 + [(1.0, 1.0)]], 0.5),
    "one of two": ([[(0.95, 1.0)], [(0.001, 0.02)] * 50], 0.95),
}


@pytest.mark.parametrize(("processes", "busiest"), GENERATORS.values(), ids=GENERATORS)
def test_the_generator_is_as_busy_as_its_busiest_process(processes, busiest):
    results, timeline = Results(), Timeline(10)
    timeline.began -= timeline.start_of(CALM)
    for number, samples in enumerate(processes):
        recorder = Recorder(timeline)
        for half in samples[::2], samples[1::2]:
            for used, gone_by in half:
                recorder.cpu(used, gone_by)
            results.add(recorder.take(), f"worker {number}")
    assert results.generator_cpu() == (busiest and pytest.approx(busiest))


def test_the_generator_is_watched_while_all_readers_are_there():
    results, recorder = Results(), Recorder(Timeline(1_000))  # it warms up
    recorder.cpu(0.1, 1.0)
    results.add(recorder.take())
    assert results.generator_cpu() is None
    assert results.series.has("generator_cpu")


def test_a_slope_is_that_of_most_pairs():
    slope = Slope()
    for x in range(1000):
        slope.add(x, 7 * x + (1e6 if x % 10 == 0 else 0))
    assert slope.value() == pytest.approx(7, rel=0.1)


def test_a_series_has_few_points_however_long_it_is():
    results = Results()
    for second in range(8 * 3600):
        results.series.add("cpu", second, 1, 0.5, 0.5)
    points = results.series.lists("cpu", "value")["value"]
    assert 300 <= len(points) <= 600
    assert set(points) == {0.5}


BUDGETS = "# Ours.\n[default]\ngap = { p50 = 1.0, p90 = 2.0 }\nmissing = 0\nfailed = 0\n"


@pytest.fixture
def write(tmp_path):
    path = tmp_path / "budgets.toml"
    path.write_text(BUDGETS, "utf-8")

    def write_run(**counts: int) -> str:
        """The budgets after one from a run with such counts."""
        figures = {"gap": seconds(p50=0.2, p90=0.001)}
        counts = {"requests": 9, "missing": 0, "failed": 0} | counts
        figures |= {name: {"unit": "", "value": value} for name, value in counts.items()}
        verdicts = judge(figures, {"gap.p50": 1.0, "gap.p90": 2.0, "missing": 0, "failed": 0})
        write_budgets([{"module": "mine", "verdicts": verdicts, "figures": figures}], path)
        return path.read_text("utf-8")

    return write_run


def test_budgets_are_written_with_room(write):
    text = write()
    assert text.startswith("# Ours.\n")
    assert tomllib.loads(text)["mine"] == {"gap": {"p50": 0.4, "p90": 0.2}}


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"missing": 3}, "mine: 3 missing"),
        ({"missing": 3, "failed": 1}, "mine: 3 missing, 1 failed"),
        ({"requests": 0}, "mine: nothing was asked for"),
    ],
)
def test_a_run_that_failed_writes_no_budgets(write, tmp_path, counts, reason):
    with pytest.raises(SystemExit) as refused:
        write(**counts)
    assert refused.value.code == f"No budgets are written: {reason}."
    assert (tmp_path / "budgets.toml").read_text("utf-8") == BUDGETS


@pytest.mark.parametrize("networks", [["mobile"], ["direct", "mobile"]])
def test_budgets_are_of_no_network(run, networks):
    command = [sys.executable, "-m", "loadtest", "--baseline", "write", "--network", *networks]
    refused = run(*command, cwd=PROJECT)
    assert refused.returncode == 2
    assert "--baseline needs --network direct" in refused.stderr


def test_budgets_of_a_scenario_are_those_of_all_and_its_own():
    budgets = read_budgets("none", "direct")
    assert {"first_byte.p50", "loop_delay.typical", "recovery.max", "missing"} <= budgets.keys()
