"""Sensor readings. Each is a function of its id, so that every process makes the same ones.

Here they are made one by one. What stores millions makes them in SQL, by the same arithmetic.
"""

import shutil
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout
from pydantic import AwareDatetime, BaseModel

from ..streaming.shutdown import ShuttingDown, Stage, drain
from .settings import demo_settings

SITES = ("Lyon", "São Paulo", "Zürich", "東京", "Kraków")
NOTES = (
    "Zeile 1\u2028Zeile 2",
    "Füllstand geprüft",
    "校正済み",
    "außer Betrieb",
    'capteur remplacé, "B" → "C"',
    "🌡️ calibrated",
)
SILENT_NOTES = 4  # of so many more, none is written
SENSORS = 200
HALF_PERIOD = 21_600
SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reading(BaseModel):
    id: int
    sensor: str
    site: str
    recorded_at: AwareDatetime
    value: float
    note: str | None


class Schedule(NamedTuple):
    """When readings are recorded, in microseconds: that of `id` at `start + id * period`."""

    start: int
    period: int

    def newest_id(self) -> int:
        """The id of the reading that was recorded last."""
        return (time.time_ns() // 1_000 - self.start) // self.period

    def seconds_until(self, reading_id: int) -> float:
        return (self.start + reading_id * self.period) / SECOND - time.time()


# The readings that there are from the start: one a second from 2026-01-01 on.
STORED = Schedule(1_767_225_600 * SECOND, SECOND)


def read_sensor(reading_id: int, schedule: Schedule) -> Reading:
    """The reading with this id, from 1 on."""
    note = _scatter(reading_id, 3) % (SILENT_NOTES + len(NOTES)) - SILENT_NOTES
    return Reading.model_construct(
        id=reading_id,
        sensor=f"sensor-{_scatter(reading_id, 1) % SENSORS:03}",
        site=SITES[_scatter(reading_id, 2) % len(SITES)],
        recorded_at=EPOCH + timedelta(microseconds=schedule.start + reading_id * schedule.period),
        value=(1_500 + _wave(reading_id) + _scatter(reading_id, 4) % 200) / 100,
        note=NOTES[note] if note >= 0 else None,
    )


def _scatter(reading_id: int, salt: int) -> int:
    """A number below 65,536 that looks like chance: two multiplications, and a fold between."""
    spread = (reading_id * 8 + salt) % 4_294_967_296 * 1_640_531_527 % 4_294_967_296
    return ((spread ^ spread >> 15) * 1_540_483_477 % 4_294_967_296) >> 16


def _wave(reading_id: int) -> int:
    """From -1,000 to 1,000 and back: two parabolas, which integers describe exactly."""
    place = reading_id % HALF_PERIOD
    height = 4_000 * place * (HALF_PERIOD - place) // (HALF_PERIOD * HALF_PERIOD)
    return height if reading_id // HALF_PERIOD % 2 == 0 else -height


@cache
def live_schedule() -> Schedule:
    """When the readings behind the stored ones are recorded: from the demo's first start on."""
    settings = demo_settings()
    period = round(settings.period_seconds * SECOND)
    with unfinished(settings.folder / "began") as path:
        if path:
            path.write_text(str(time.time_ns() // 1_000))
    began = int((settings.folder / "began").read_text())
    return Schedule(began - settings.rows * period, period)


@contextmanager
def unfinished(path: Path) -> Generator[Path | None]:
    """Give the path of what becomes the file or folder `path`; none where that is there already.

    Of several processes one makes it, and the others wait. What is not finished goes, whatever
    ends it. Raises `ShuttingDown` where this process is to end before it has begun.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # What can be made anew is nothing to commit, whatever the repository's own file says.
    (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    with _locked(path):
        if path.exists():
            yield None
            return
        folder = path.with_name(f"{path.name}.unfinished")
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
        try:
            folder.mkdir()
            yield folder / path.name
            (folder / path.name).replace(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Generator[None]:
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        report(f"another process makes {path}, which is waited for")
        with suppress(Timeout):
            lock.acquire(cancel_check=lambda: drain.stage > Stage.SERVING)
    check_stop()
    try:
        yield
    finally:
        lock.release()


def report(progress: str) -> None:
    """Say on the terminal how far the demo is. Raises `ShuttingDown` where nobody waits for it."""
    print(f"Demo data: {progress}", file=sys.stderr, flush=True)
    check_stop()


def check_stop() -> None:
    if drain.stage > Stage.SERVING:
        raise ShuttingDown
