"""The report page: verdicts first, then what each scenario was like over time."""

import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

TITLES = {
    "first_byte": "First byte",
    "gap": "Longest gap in a stream",
    "duration": "Whole stream",
    "delivery": "Delivery of events",
    "recovery": "Recovery from a storm",
    "loop_delay": "Delay of the event loop",
    "throughput": "Throughput",
    "memory": "Memory of the service",
    "cpu": "CPU of the service",
    "streams": "Open streams",
    "descriptors": "Open files and sockets",
    "generator_cpu": "CPU of the load generator",
}
LEFT, RIGHT, TOP, BOTTOM = 58, 352, 20, 130  # of the plot in a chart of 360 by 150
SHORTEST_SECONDS = 1e-4
PREFIXES = {-6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
POWERS = {"s": (-6, 0), "B": (0, 12), "B/s": (0, 12)}  # of the prefixes that a unit may have
TIMES = {"h": 3600, "min": 60, "s": 1}
STEPS = (1, 2, 5, 10)
MOST_TICKS = 6
HEADROOM = 1.1


def quantity(value: float | None, unit: str) -> str:
    """Write a figure with three digits and a unit that suits it: `12.5 ms`, `1.2 GB/s`."""
    if value is None:
        return "-"
    value = float(f"{value:.3g}")
    if unit == "s" and value >= TIMES["min"]:
        return duration(value)
    power = math.floor(math.log10(abs(value)) / 3) * 3 if value else 0
    lowest, highest = POWERS.get(unit, (0, 0))
    power = min(max(power, lowest), highest)
    return f"{value / 10**power:,.12g} {PREFIXES[power]}{unit}".rstrip()


def duration(seconds: float) -> str:
    unit = next((unit for unit, size in TIMES.items() if seconds >= size), "s")
    return f"{seconds / TIMES[unit]:.3g} {unit}"


def title(name: str) -> str:
    return TITLES.get(name, name.replace("_", " ").capitalize())


def power_below(value: float) -> float:
    return 10.0 ** math.floor(math.log10(value))


class Axis:
    """Where on the picture a value is; times have a logarithmic axis, all else begins at 0."""

    def __init__(self, values: list[float], begin: float, end: float, unit: str) -> None:
        self.begin, self.end = begin, end
        self.unit = unit if unit in POWERS else ""  # of the ticks
        if unit == "s":
            times = [max(value, SHORTEST_SECONDS) for value in values] or [1]
            self.scale = math.log10
            self.low, self.high = power_below(min(times)), max(times) * 2
        else:
            self.scale = float
            self.low, self.high = 0.0, max(values, default=0) * HEADROOM or 1.0

    def at(self, value: float) -> float:
        low, high = self.scale(self.low), self.scale(self.high)
        share = (self.scale(max(value, self.low)) - low) / (high - low)
        return round(self.begin + share * (self.end - self.begin), 1)

    def ticks(self) -> list[float]:
        if self.unit == "s":
            powers = math.log10(self.high / self.low)
            return [self.low * 10**power for power in range(math.ceil(powers))]
        power = power_below(self.high / MOST_TICKS)
        step = next(size * power for size in STEPS if self.high / (size * power) <= MOST_TICKS)
        return [number * step for number in range(math.ceil(self.high / step))]


def line(values: list[float | None], step: float, x: Axis, y: Axis) -> str:
    """The path of a line, which has gaps where nothing was measured."""
    commands, is_drawing = [], False
    for number, value in enumerate(values):
        if value is not None:
            across, down = x.at((number + 0.5) * step), y.at(value)
            # It begins with a dash, so that a value that is alone can be seen.
            commands.append(f"L{across} {down}" if is_drawing else f"M{across - 2:.1f} {down}h4")
        is_drawing = value is not None
    return "".join(commands)


def chart(name: str, scenario: dict[str, Any]) -> dict[str, Any]:
    """What the template draws of one of a scenario's series."""
    series, step = scenario["series"][name], scenario["series"]["step"]
    unit, limit = series["unit"], series.get("limit")
    lines = {kind: series[kind] for kind in ("max", "mean", "value") if kind in series}
    measured = [value for values in lines.values() for value in values if value is not None]
    budget = [] if limit is None else [limit]
    x = Axis([max(map(len, lines.values())) * step / HEADROOM], LEFT, RIGHT, "")
    y = Axis(measured + budget, BOTTOM, TOP, unit)
    return {
        "title": title(name),
        "peak": quantity(max(measured, default=None), unit),
        "is_missed": any(
            verdict["budget"] == series.get("budget") and verdict["outcome"] == "missed"
            for verdict in scenario["verdicts"]
        ),
        "budgets": [(y.at(most), quantity(most, unit)) for most in budget],
        "phases": [(p["name"], x.at(p["from"]), x.at(p["to"])) for p in scenario["phases"]],
        "lines": {kind: line(values, step, x, y) for kind, values in lines.items()},
        "x": [(x.at(tick), duration(tick)) for tick in x.ticks()],
        "y": [(y.at(tick), quantity(tick, y.unit)) for tick in y.ticks()],
    }


def charts(scenario: dict[str, Any]) -> list[dict[str, Any]]:
    names = [*TITLES, *(name for name in scenario["series"] if name not in TITLES)]
    return [
        chart(name, scenario) for name in names if name in scenario["series"] and name != "step"
    ]


def comparison(scenarios: list[dict[str, Any]]) -> dict[str, dict[str, list[Any]]]:
    """By module and measure: the name of each network, and the percentiles there."""
    rows: dict[str, dict[str, list[Any]]] = {}
    for scenario in scenarios:
        module = rows.setdefault(scenario["module"], {})
        for name, figure in scenario["figures"].items():
            if figure.get("p50") is not None:
                module.setdefault(name, []).append((scenario["network"]["name"], figure))
    return rows


def write_report(results: dict[str, Any], path: Path) -> None:
    """Write `results`, of the shape that the JSON file has, as one page without scripts."""
    compared = comparison(results["scenarios"])
    write_page("report.jinja", path, results=results, charts=charts, comparison=compared)


def write_page(template: str, path: Path, **values: Any) -> None:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"quantity": quantity, "duration": duration, "named": title}
    path.write_text(templates.get_template(template).render(values), encoding="utf-8")
