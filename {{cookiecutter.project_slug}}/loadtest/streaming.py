"""Users who read streams: when they come and go, and what they measure."""

from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count
from typing import ClassVar

import gevent
from geventhttpclient._parser import HTTPParseError
from locust import FastHttpUser, task
from locust.exception import StopUser

from loadtest.recording import Recorder
from loadtest.stream import Cut, Dropped, Failed, Stream, Unfinished
from loadtest.timeline import CALM, DISTURBED, GRACE_SECONDS, JOINING, OVER, STORM, Timeline

# What a user is there for: to be measured, or to disturb those who are.
MEASURED, SLOW, NEIGHBOUR = "measured", "slow", "neighbour"
SLOW_BYTES_PER_SECOND = 64 * 1024
NEIGHBOUR_PAUSE_SECONDS = 1.0
PAUSE_AFTER_FAILURE_SECONDS = 0.25
EXAMPLES_OF = "failed", "cut", "unfinished"


class StreamUser(FastHttpUser):
    """A user that makes one visit after the other; a scenario says what a visit is.

    `share` says how many of the readers of a run are of this class.
    """

    abstract = True
    scenario: ClassVar[str] = ""
    share: ClassVar[float] = 1.0
    pause_seconds: ClassVar[float] = 0.0
    joins_later: ClassVar[bool] = True  # three of four come when the others have been there
    disturbs: ClassVar[bool] = True
    endless: ClassVar[bool] = False  # its streams end when it leaves
    role: ClassVar[str] = MEASURED
    connection_timeout = network_timeout = 3_600.0  # a stream has limits of its own

    run_id: ClassVar[str]
    timeline: ClassVar[Timeline]
    recorder: ClassVar[Recorder]
    _numbers: ClassVar[dict[str, Iterator[int]]] = defaultdict(count)

    def on_start(self) -> None:
        self.number = next(self._numbers[type(self).__name__])
        self.visits = 0
        self._is_back = self.role != MEASURED

    def visit(self) -> None:
        raise NotImplementedError

    @task
    def come(self) -> None:
        now = self.timeline.now()
        if (wait := self._next_visit(now) - now) > 0:
            gevent.sleep(wait)
        elif self.timeline.phase(now).name == OVER:
            self._back(now)
            raise StopUser
        else:
            self.visit()
            self.visits += 1
            self._pause()

    def _next_visit(self, now: float) -> float:
        """When it may come next, in seconds since the start."""
        if self.role == MEASURED:
            late = self.joins_later and self.number % 4
            return self.timeline.start_of(JOINING) if late else now
        windows = [phase for phase in self.timeline.phases if phase.name == DISTURBED]
        starts = (max(now, phase.start) for phase in windows if now < phase.end)
        return next(starts, max(now, self.timeline.seconds))

    def _leaves(self, now: float) -> tuple[float, Exception]:
        """When it has to let go of a stream that it opens now, and as what that counts."""
        if self.role != MEASURED:
            return self.timeline.phase(now).end, Dropped()
        if now < (storm := self.timeline.start_of(STORM)):
            return storm, Dropped()
        if self.endless:
            return max(now, self.timeline.seconds), Dropped()
        return self.timeline.seconds + GRACE_SECONDS, Unfinished()

    def _pause(self) -> None:
        seconds = NEIGHBOUR_PAUSE_SECONDS if self.role == NEIGHBOUR else self.pause_seconds
        until_storm = self.timeline.start_of(STORM) - self.timeline.now()
        gevent.sleep(min(seconds, until_storm) if until_storm > 0 else seconds)

    def _back(self, at: float) -> None:
        """For the first time since all were dropped it has something, or will never have."""
        if not self._is_back:
            self._is_back = True
            self.recorder.time("recovery", at - self.timeline.start_of(STORM), STORM)

    def deliver(self, due: float, now: float) -> float:
        """Record, and return, how late something was that was due at a time (of the epoch)."""
        delay = max(0.0, now - due)
        self.recorder.time("delivery", delay, self.timeline.phase(due - self.timeline.began).name)
        return delay

    def expect(self, expected: int, got: int) -> None:
        """Count records against how many there are in truth."""
        self.count_records(got, missing=max(0, expected - got), doubled=max(0, got - expected))

    def count_records(self, got: int, *, missing: int = 0, doubled: int = 0) -> None:
        if self.role == MEASURED:
            for name, number in ("records", got), ("missing", missing), ("doubled", doubled):
                self.recorder.count(name, number)

    @contextmanager
    def stream(
        self, path: str, kind: str = "", headers: dict[str, str] | None = None
    ) -> Generator[Stream]:
        """Open a stream; how it ends is counted, whatever happens, and nothing is raised.

        Raise `Cut` for one that ends without what its format ends with. Streams of one `kind` are
        as long as each other, and are compared.
        """
        now = self.timeline.now()
        leaves_at, reason = self._leaves(now)
        stream = Stream(self.client, path, headers or {})
        if self.role == SLOW:
            stream.bytes_per_second = SLOW_BYTES_PER_SECOND
        end, detail = "complete", ""
        try:
            with gevent.Timeout(max(0.001, leaves_at - now), reason):
                yield stream
        except Dropped:
            end = "left"
        except Unfinished:
            end = "unfinished"
        except Failed as error:
            end, detail = "failed", str(error)
        except (Cut, OSError, HTTPParseError) as error:
            end, detail = "cut", f"{type(error).__name__}: {error}"
        finally:
            stream.close()
        self._count(end, stream, f"{path}: {detail}")
        if self.role == MEASURED and end != "failed":
            self._record(stream, now, end, kind)
        if detail:
            gevent.sleep(PAUSE_AFTER_FAILURE_SECONDS)

    def _count(self, end: str, stream: Stream, example: str) -> None:
        self.recorder.count("requests")
        self.recorder.count("bytes", stream.bytes)
        self.recorder.point("throughput", stream.bytes)
        if self.role == MEASURED:
            self.recorder.count(end)
            if end in EXAMPLES_OF:
                self.recorder.example(end, example)

    def _record(self, stream: Stream, asked: float, end: str, kind: str) -> None:
        phase, storm = self.timeline.phase(asked).name, self.timeline.start_of(STORM)
        if stream.bytes and asked >= storm:
            self._back(asked + stream.first_byte)
        self.recorder.time("first_byte", stream.first_byte, phase)
        if stream.pieces > 1 or end != "complete":
            early = asked < storm <= asked + stream.seconds  # it was there all the time
            self.recorder.time("gap", stream.gap, CALM if early else phase)
        if end == "complete" and kind:
            self.recorder.time("duration", stream.seconds, phase)
            self.recorder.compare(kind, stream.seconds)
