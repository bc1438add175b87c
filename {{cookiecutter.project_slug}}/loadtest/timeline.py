"""When each part of a scenario begins: the same for all users, in all processes."""

from collections.abc import Iterator
from time import time
from typing import NamedTuple

WARM_UP, FEW, JOINING, CALM, DISTURBED, STORM, OVER = (
    "warm-up",
    "few",
    "joining",
    "calm",
    "disturbed",
    "storm",
    "over",
)
# Those in which the figures are taken that budgets are about.
STEADY = CALM, DISTURBED
GRACE_SECONDS = 10  # for streams that are under way when the time is up


class Phase(NamedTuple):
    name: str
    start: float
    end: float


class Timeline:
    """The phases of a scenario that takes `seconds`, from its construction on.

    A quarter of the readers comes at first, the others join. Windows with and without disturbers
    follow each other, so that what the machine does otherwise is the same in both. At last all
    readers are dropped at once, and come back.
    """

    def __init__(self, seconds: float) -> None:
        self.began = time()
        self.seconds = seconds
        self.phases = list(_phases(seconds))

    def now(self) -> float:
        """Seconds since the start."""
        return time() - self.began

    def phase(self, at: float | None = None) -> Phase:
        """The phase at a time, in seconds since the start; by default, that of now."""
        at = self.now() if at is None else at
        last = Phase(OVER, self.seconds, self.seconds + GRACE_SECONDS)
        return next((phase for phase in self.phases if at < phase.end), last)

    def is_late(self, phase: Phase) -> bool:
        """Whether it is one of the later windows, when what grows at first has grown."""
        windows = [each for each in self.phases if each.name in STEADY]
        return phase in windows[len(windows) // 2 :]

    def start_of(self, name: str) -> float:
        return next(phase.start for phase in self.phases if phase.name == name)


def _phases(seconds: float) -> Iterator[Phase]:
    warm_up, few, joining, storm = (
        min(seconds * share, most)
        for share, most in ((0.08, 60), (0.12, 60), (0.08, 60), (0.12, 30))
    )
    start = 0.0
    for name, length in (WARM_UP, warm_up), (FEW, few), (JOINING, joining):
        yield Phase(name, start, start + length)
        start += length
    windows = 2 * max(2, round((seconds - storm - start) / 120))
    length = (seconds - storm - start) / windows
    for number in range(windows):
        yield Phase(STEADY[number % 2], start, start + length)
        start += length
    yield Phase(STORM, start, seconds)
