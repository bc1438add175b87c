"""The records of every JSON Lines peer, made beforehand: only the way to the socket is measured."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

from pydantic import BaseModel

PREPARED = 10_000
LINE_SECONDS = 0.2


class Reading(BaseModel):
    id: int
    sensor: str
    value: float
    recorded_at: datetime


READINGS = [
    Reading(
        id=number,
        sensor=f"sensor-{number % 200:03d}",
        value=round(15 + number % 777 / 7, 2),
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
    )
    for number in range(1, PREPARED + 1)
]


def readings(count: int) -> Iterator[Reading]:
    return islice(cycle(READINGS), count)


async def slow_readings(count: int) -> AsyncGenerator[Reading, None]:
    """Each says when it was made, so that its reader can tell how long it was on the way."""
    for reading in readings(count):
        await asyncio.sleep(LINE_SECONDS)
        yield reading.model_copy(update={"recorded_at": datetime.now(UTC)})
