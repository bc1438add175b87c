"""What users measure, in each process that has users; it travels in Locust's worker reports."""

from collections import Counter, defaultdict, deque
from statistics import median
from typing import Any

from hdrh.histogram import HdrHistogram

from loadtest.timeline import CALM, STEADY, Timeline

MICROSECONDS = 1_000_000
LONGEST_SECONDS = 3_600
DIGITS = 3

# A reader is left behind when it takes so many times as long as the others in the same seconds.
LEFT_BEHIND = 3.0
LEFT_BEHIND_SECONDS = 0.5
COMPARED_SECONDS = 3.0
ENOUGH_TO_COMPARE = 6


def new_histogram() -> HdrHistogram:
    return HdrHistogram(1, LONGEST_SECONDS * MICROSECONDS, DIGITS)


class Recorder:
    """Times, counts and sums since they were last taken away, in a space that does not grow."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._histograms: dict[str, HdrHistogram] = defaultdict(new_histogram)
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._points: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
        self._cpu = [0.0, 0.0]  # seconds that were used, of seconds that went by
        self._recent: dict[str, deque[tuple[float, float]]] = defaultdict(lambda: deque(maxlen=200))

    def phase(self) -> str:
        return self._timeline.phase().name

    def count(self, name: str, number: int = 1) -> None:
        self._counts[name] += number

    def example(self, end: str, text: str) -> None:
        """Keep the first example of a stream that ended as it should not."""
        self._examples.setdefault(end, text)

    def point(self, name: str, value: float, weight: float = 1) -> None:
        """Add a value to a series over time; means are weighted."""
        point = self._points[name, int(self._timeline.now())]
        point[:] = point[0] + weight, point[1] + weight * value, max(point[2], value)

    def cpu(self, used: float, seconds: float) -> None:
        """Add what this process used of a processor, in seconds of the last so many ones."""
        self.point("generator_cpu", used / seconds, weight=seconds)
        if self.phase() in STEADY:
            self._cpu = [self._cpu[0] + used, self._cpu[1] + seconds]

    def time(self, measure: str, seconds: float, phase: str) -> None:
        """Add a time of `measure` that belongs to a phase."""
        self.point(measure, seconds)
        names = [f"{measure}@{phase}"] + [measure] * (phase in STEADY)
        for name in names:
            self._histograms[name].record_value(max(1, round(seconds * MICROSECONDS)))

    def compare(self, readers: str, seconds: float) -> None:
        """Compare what a reader took with what others of its kind took in the same seconds."""
        now, phase = self._timeline.now(), self._timeline.phase()
        since = max(phase.start, now - COMPARED_SECONDS)
        others = [value for at, value in self._recent[readers] if at >= since]
        self._recent[readers].append((now, seconds))
        if phase.name == CALM and len(others) >= ENOUGH_TO_COMPARE:
            usual = median(others)
            late = seconds > LEFT_BEHIND * usual and seconds - usual > LEFT_BEHIND_SECONDS
            self._counts["compared"] += 1
            self._counts["left_behind"] += late

    def take(self) -> dict[str, Any]:
        """All that was recorded since the last time, as what a worker report can carry."""
        taken = {
            "times": {name: times.encode() for name, times in self._histograms.items()},
            "counts": dict(self._counts),
            "examples": dict(self._examples),
            "points": [[*key, *point] for key, point in self._points.items()],
            "cpu": self._cpu,
        }
        self._cpu = [0.0, 0.0]
        self._histograms.clear()
        self._counts.clear()
        self._points.clear()
        return taken
