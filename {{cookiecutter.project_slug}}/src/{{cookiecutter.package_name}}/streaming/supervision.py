"""Work in the background that is started again when it fails."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from . import metrics
from .shutdown import ShuttingDown

FIRST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 60

logger = logging.getLogger(__name__)
# By name. `/readyz` is 503 while there is any.
failing: set[str] = set()


@asynccontextmanager
async def keep_running(
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    longest_pause: float = LONGEST_PAUSE_SECONDS,
) -> AsyncGenerator[None, None]:
    """Run `work` beside the block, and again after a pause when it raises.

    Each pause is twice as long as the one before, up to `longest_pause` seconds; after as long
    without a failure all is well.
    """
    task = asyncio.create_task(_run(name, work, longest_pause))
    try:
        yield
    finally:
        while not task.done():  # an error in its last moments may take the place of the first
            task.cancel()
            await asyncio.wait([task], timeout=FIRST_PAUSE_SECONDS)


async def _run(name: str, work: Callable[[], Awaitable[None]], longest_pause: float) -> None:
    pause = FIRST_PAUSE_SECONDS
    while True:
        recovery = asyncio.get_running_loop().call_later(pause, _report, name, False)
        try:
            with suppress(ShuttingDown):
                await work()
            return _report(name, False)
        except Exception:
            pause = min(2 * pause, longest_pause) if name in failing else FIRST_PAUSE_SECONDS
            logger.exception("%r has failed, and starts again in %d s.", name, pause)
        finally:
            recovery.cancel()
        _report(name, True)
        await asyncio.sleep(pause)


def _report(name: str, is_failing: bool) -> None:
    (failing.add if is_failing else failing.discard)(name)
    metrics.TASKS_FAILING.labels(name).set(is_failing)
    metrics.TASK_FAILURES.labels(name).inc(is_failing)
