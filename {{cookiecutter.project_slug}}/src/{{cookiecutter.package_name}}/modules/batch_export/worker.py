"""Makes the jobs that services have taken, without a port of its own."""

import asyncio
from contextlib import suppress

from fastapi import FastAPI

from ...records import tables
from ...streaming.configuration import check_settings
from ...streaming.shutdown import drain_on_signals
from . import source
from .jobs.opening import open_jobs


def main() -> None:
    check_settings()
    with suppress(KeyboardInterrupt):
        asyncio.run(work())


async def work() -> None:
    """Until SIGTERM: then it ends its jobs in the grace period, or leaves them to others."""
    app = FastAPI()
    async with (
        drain_on_signals(app),
        tables.lifespan(app),
        source.lifespan(app),
        open_jobs() as jobs,
    ):
        print("The worker waits for jobs.", flush=True)
        await jobs.runner.run()
