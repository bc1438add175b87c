"""The records at `/records/{source}` that are no tables of the database: put your own here.

Tables are named in `records/source.py`.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from .record_source import RecordSource

SOURCES: dict[str, RecordSource] = {}


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[None, None]:
    """Open here what sources need while the app runs, and close it behind the `yield`."""
    yield
