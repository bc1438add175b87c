"""What `/exports/{source}` sends and is no table of the database: put your own here.

Tables are named in `records/source.py`.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pyarrow as pa

from .table_source import TableSource

SOURCES: dict[str, TableSource] = {}
# What is made of each Arrow batch of a table or source, by its name.
TRANSFORMS: dict[str, Callable[[pa.RecordBatch], pa.RecordBatch]] = {}


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[None, None]:
    """Open here what sources need while the app runs, and close it behind the `yield`."""
    yield
