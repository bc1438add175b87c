import asyncio
from collections.abc import Callable

from .settings import CHUNK_BYTES, streaming_settings

# A kernel with large packets, such as that of this machine to itself, confirms 64 KiB at a time
# and more.
CREDIT_BYTES = 2 * CHUNK_BYTES
# The event loop is never that late, unless this process was paused.
LATE_SECONDS = 0.25


class Patience:
    """What a reader has that is waited for: `with patience:` around the waiting.

    It uses up a credit of 128 KiB at `STREAMING_MIN_BYTES_PER_SECOND`, what it takes adds to it, and
    whoever has no credit left is too slow. Each message on a clock of its own would be unfair:
    what the server and the kernel hold goes out first.
    """

    def __init__(self, count_taken: Callable[[], int], give_up: Callable[[], None]) -> None:
        self._count_taken = count_taken
        self._give_up = give_up
        self._floor = streaming_settings().min_bytes_per_second
        self._loop = asyncio.get_running_loop()
        self._renew(CREDIT_BYTES)

    def __enter__(self) -> None:
        self._since = self._loop.time()
        self._set_timer()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._waited += self._loop.time() - self._since

    def _renew(self, credit: float) -> None:
        self._credit = credit
        self._taken = self._count_taken()
        self._waited = 0.0

    def _set_timer(self) -> None:
        left = self._credit / self._floor - self._waited
        self._due = self._loop.time() + max(left, 0)
        self._timer = self._loop.call_at(self._due, self._judge)

    def _judge(self) -> None:
        now = self._loop.time()
        waited = self._waited + now - self._since
        credit = self._credit + self._count_taken() - self._taken - waited * self._floor
        if now - self._due > LATE_SECONDS:  # this process has slept, and not the reader
            credit = CREDIT_BYTES
        if credit < 1:
            self._give_up()
            return
        self._renew(min(credit, CREDIT_BYTES))
        self._since = now
        self._set_timer()
