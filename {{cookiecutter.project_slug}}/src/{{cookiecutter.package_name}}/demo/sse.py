import asyncio
from collections.abc import AsyncGenerator

from anyio.to_thread import run_sync

from .readings import Reading, live_schedule, read_sensor


async def live_readings() -> AsyncGenerator[Reading, None]:
    """Each reading when it is recorded, one in each period."""
    schedule = await run_sync(live_schedule)
    reading_id = schedule.newest_id()
    while True:
        reading_id += 1
        await asyncio.sleep(schedule.seconds_until(reading_id))
        yield read_sensor(reading_id, schedule)
