"""What all processes have measured, put together: figures, and series over time."""

from collections import Counter, defaultdict
from itertools import combinations
from statistics import median
from typing import Any

from hdrh.histogram import HdrHistogram

from loadtest.recording import MICROSECONDS, new_histogram
from loadtest.timeline import CALM, FEW, STEADY, Timeline

MOST_POINTS = 600
MOST_SAMPLES = 200
PERCENTILES = 50, 90, 95, 99, 99.9
# So many values have to be beyond a percentile before it means anything.
BEYOND = 4
ENOUGH_STEPS = 30
PROBLEMS = "failed", "cut", "unfinished", "missing", "doubled"


class Series:
    """Values over time, in at most 600 points: where there are more, two become one."""

    def __init__(self) -> None:
        self.step = 1
        self._points: dict[str, dict[int, list[float]]] = defaultdict(dict)

    def add(self, name: str, second: int, count: float, total: float, highest: float) -> None:
        while second // self.step >= MOST_POINTS:
            self._halve()
        point = self._points[name].setdefault(second // self.step, [0, 0.0, 0.0])
        point[:] = point[0] + count, point[1] + total, max(point[2], highest)

    def _halve(self) -> None:
        old, self._points = self._points, defaultdict(dict)
        self.step *= 2
        for name, points in old.items():
            for number, point in points.items():
                self.add(name, number * self.step // 2, *point)

    def has(self, name: str) -> bool:
        return name in self._points

    def mean(self, name: str) -> float | None:
        points = self._points.get(name, {}).values()
        count = sum(point[0] for point in points)
        return sum(point[1] for point in points) / count if count else None

    def lists(self, name: str, *which: str) -> dict[str, list[Any]]:
        """The values of each step: `mean`, `max`, `value` (the mean) or `rate` (the sum a second)."""
        length = 1 + max(
            (number for points in self._points.values() for number in points), default=-1
        )
        points = [self._points[name].get(number) for number in range(length)]
        values = {
            "mean": [point and point[1] / point[0] for point in points],
            "max": [point and point[2] for point in points],
            "value": [point and point[1] / point[0] for point in points],
            "rate": [point[1] / self.step if point else 0.0 for point in points],
        }
        return {"value" if key == "rate" else key: values[key] for key in which}


class Slope:
    """How much a value grows with another: Theil-Sen, over at most 200 samples."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, float]] = []

    def add(self, x: float, y: float) -> None:
        self._samples.append((x, y))
        if len(self._samples) > MOST_SAMPLES:
            del self._samples[::2]

    def value(self) -> float | None:
        if (
            len(self._samples) <= BEYOND
            or self._samples[-1][0] - self._samples[0][0] < ENOUGH_STEPS
        ):
            return None
        slopes = [
            (y2 - y1) / (x2 - x1)
            for (x1, y1), (x2, y2) in combinations(self._samples, 2)
            if x2 > x1
        ]
        return median(slopes)


class Results:
    def __init__(self) -> None:
        self.times: dict[str, HdrHistogram] = defaultdict(new_histogram)
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        # Of each process that has users: seconds of a processor, and those that went by.
        self._cpu: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self.series = Series()
        self.longest_delays: dict[int, float] = {}  # of the event loop, in each second
        self.memory_by_requests = Slope()
        # Open streams, and bytes of memory, while few readers are there and once all have come.
        self.few: list[tuple[float, float]] = []
        self.all: list[tuple[float, float]] = []

    def add(self, taken: dict[str, Any], process: str = "") -> None:
        """Add what the `Recorder` of a process has given away."""
        for name, times in taken["times"].items():
            self.times[name].decode_and_add(times)
        self.counts.update(taken["counts"])
        self.examples = taken["examples"] | self.examples
        for point in taken["points"]:
            self.series.add(*point)
        self._cpu[process] = [a + b for a, b in zip(self._cpu[process], taken["cpu"], strict=True)]

    def generator_cpu(self) -> float | None:
        """What the busiest process used of a processor: one that is at its limit is late."""
        shares = (used / seconds for used, seconds in self._cpu.values() if seconds)
        return max(shares, default=None)

    def add_sample(self, timeline: Timeline, sample: dict[str, Any]) -> None:
        """Add what `watch` has said."""
        at = sample["at"] - timeline.began
        phase, figures = timeline.phase(at), sample["figures"]
        for name, value in figures.items():
            self.series.add(name, int(at), 1, value, value)
        for due, delay in sample["delays"]:
            second = int(due - timeline.began)
            self.series.add("loop_delay", max(0, second), 1, delay, delay)
            if timeline.phase(second).name in STEADY:
                self.times["loop_delay"].record_value(max(1, round(delay * MICROSECONDS)))
                self.longest_delays[second] = max(delay, self.longest_delays.get(second, 0.0))
        if "memory" in figures:
            if timeline.is_late(phase):
                self.memory_by_requests.add(self.counts["requests"], figures["memory"])
            streams = (figures.get("streams", 0.0), figures["memory"])
            if phase.name == FEW:
                self.few.append(streams)
            elif phase.start == timeline.start_of(CALM):
                self.all.append(streams)

    def percentile(self, name: str, percentile: float) -> float | None:
        """In seconds; `None` when too few values are beyond it."""
        times = self.times.get(name)
        if times is None or times.get_total_count() * (100 - percentile) / 100 < BEYOND:
            return None
        return times.get_value_at_percentile(percentile) / MICROSECONDS

    def progress(self) -> str:
        """A line about what is known so far."""
        counts = self.counts
        problems = " ".join(f"{counts[name]} {name}" for name in PROBLEMS if counts[name])
        first = self.percentile("first_byte", 50)
        first_byte = "-" if first is None else f"{first * 1000:.0f} ms"
        return (
            f"{counts['requests']} requests  {counts['records']} records  "
            f"{counts['bytes'] / 1e6:.0f} MB  first byte {first_byte}  {problems}"
        )

    def summary(self, name: str) -> dict[str, Any]:
        times = self.times[name]
        percentiles = {f"p{p:g}": self.percentile(name, p) for p in PERCENTILES}
        highest = times.get_max_value() / MICROSECONDS if times.get_total_count() else None
        return {"unit": "s", "count": times.get_total_count(), **percentiles, "max": highest}
