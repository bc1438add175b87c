"""The figures of a scenario, and its series over time, as in `results.json`."""

from statistics import median
from typing import Any

from loadtest.results import BEYOND, Results
from loadtest.timeline import CALM, DISTURBED, FEW, STORM

ENOUGH_COMPARED = 50
ENOUGH_STREAMS = 10
SMALLEST_SECONDS = 0.1  # a shorter time is as good as this one
TIMES = "first_byte", "gap", "delivery", "duration", "loop_delay", "generator_lag"
COUNTS = {
    **dict.fromkeys(("requests", "complete", "left", "failed", "cut", "unfinished"), "streams"),
    **dict.fromkeys(("records", "missing", "doubled"), "records"),
    "bytes": "B",
}
# The unit of each series, and what it shows of the values in a step.
SERIES = {
    **dict.fromkeys(("first_byte", "gap", "delivery", "loop_delay"), ("s", "mean", "max")),
    "throughput": ("B/s", "rate"),
    "memory": ("B", "value"),
    "cpu": ("cores", "value"),
    "streams": ("streams", "value"),
    "descriptors": ("descriptors", "value"),
    "generator_cpu": ("cores", "value"),
}


def figures_of(results: Results) -> dict[str, dict[str, Any]]:
    """What is not known, or of too few values, is `None`."""
    figures = {name: results.summary(name) for name in TIMES}
    # A loop that is held again and again is told from one that is held once.
    longest = results.longest_delays.values()
    typical = median(longest) if len(longest) >= BEYOND else None
    figures["loop_delay"] |= {"typical": typical}
    figures["recovery"] = results.summary(f"recovery@{STORM}")
    slope = results.memory_by_requests.value()
    values: dict[str, tuple[str, float | None]] = {
        "disturbed": ("", disturbed(results)),
        "left_behind": ("", left_behind(results)),
        "memory_per_1000_requests": ("B", None if slope is None else slope * 1_000),
        "growth_per_100_readers": ("s", growth(results)),
        "memory_per_stream": ("B", memory_per_stream(results)),
        "generator_cpu": ("cores", results.generator_cpu()),
        **{name: (unit, results.counts[name]) for name, unit in COUNTS.items()},
    }
    return figures | {name: {"unit": u, "value": value} for name, (u, value) in values.items()}


def disturbed(results: Results) -> float | None:
    """How many times as long the same takes with slow readers and other modules beside it."""
    ratios = []
    for name in "first_byte", "delivery", "duration":
        calm = results.percentile(f"{name}@{CALM}", 50)
        beside = results.percentile(f"{name}@{DISTURBED}", 50)
        if calm is not None and beside is not None:
            ratios.append(beside / max(calm, SMALLEST_SECONDS))
    return max(ratios, default=None)


def left_behind(results: Results) -> float | None:
    """The share of readers that took several times as long as others in the same seconds."""
    compared = results.counts["compared"]
    return results.counts["left_behind"] / compared if compared >= ENOUGH_COMPARED else None


def _growth(results: Results) -> tuple[float, float] | None:
    """How many streams, and bytes of memory, all readers are more than the first few."""
    few, all_of_them = results.few, results.all
    if not few or not all_of_them:
        return None
    streams, memory = (median(column) for column in zip(*all_of_them, strict=True))
    few_streams, few_memory = (median(column) for column in zip(*few, strict=True))
    return (
        (streams - few_streams, memory - few_memory)
        if streams - few_streams >= ENOUGH_STREAMS
        else None
    )


def memory_per_stream(results: Results) -> float | None:
    grown = _growth(results)
    return grown and grown[1] / grown[0]


def growth(results: Results) -> float | None:
    """How much later, in seconds, an event is for each hundred readers more."""
    grown = _growth(results)
    few, calm = (results.percentile(f"delivery@{phase}", 50) for phase in (FEW, CALM))
    return None if grown is None or few is None or calm is None else 100 * (calm - few) / grown[0]


def series_of(results: Results, verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    series: dict[str, Any] = {"step": results.series.step}
    for name, (unit, *which) in SERIES.items():
        if results.series.has(name):
            series[name] = {"unit": unit, **results.series.lists(name, *which)}
    for verdict in verdicts:
        if verdict["measure"] in series:
            series[verdict["measure"]] |= {name: verdict[name] for name in ("budget", "limit")}
    return series
