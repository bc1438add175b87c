"""Functions from Arrow batch to batch that `source.py` names, between a table and its format."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import cache
from typing import Any

import pyarrow as pa
from anyio.to_thread import run_sync

from ...records.inputs import without_rows
from ...records.resuming import Cursor
from ...records.tables import Description
from ...streaming.pools import COMPUTING
from . import source
from .processes import apply, call_in_process
from .settings import batch_export_settings

Transform = Callable[[pa.RecordBatch], pa.RecordBatch]
Rows = AsyncGenerator[tuple[Any, Cursor], None]


def transform_of(name: str) -> Transform | None:
    """What `source.py` has for a table or a source of this name."""
    return getattr(source, "TRANSFORMS", {}).get(name)


def result_of(name: str, description: Description) -> Description:
    """A table as clients see it: its columns are those that the transform makes of no rows."""
    transform = transform_of(name)
    if transform is None:
        return description
    return replace(description, schema=_schema_of(transform, description.schema))


@cache
def _schema_of(transform: Transform, schema: pa.Schema) -> pa.Schema:
    return apply(transform, without_rows(schema)).schema


async def transformed(rows: Rows, transform: Transform, columns: Sequence[str] = ()) -> Rows:
    """Yield what `transform` makes of each batch, in their order, with these columns or all.

    It is called in a thread, or in `BATCH_EXPORT_TRANSFORM_PROCESSES`, on as many batches at once:
    so many are made ahead of the reader. Raises what it raises, and `TypeError` and `ValueError`
    for what is no batch, or has other columns than the first one.
    """
    ahead = asyncio.Semaphore(max(1, batch_export_settings().transform_processes))
    results: asyncio.Queue[tuple[asyncio.Task[pa.RecordBatch], Cursor] | None] = asyncio.Queue()
    calls: set[asyncio.Task[pa.RecordBatch]] = set()

    async def call_all() -> None:
        try:
            async with aclosing(rows):
                async for batch, cursor in rows:
                    await ahead.acquire()
                    call = asyncio.create_task(_call(transform, batch))
                    calls.add(call)
                    results.put_nowait((call, cursor))
        finally:
            results.put_nowait(None)

    calling = asyncio.create_task(call_all())
    schema: pa.Schema | None = None
    try:
        while result := await results.get():
            call, cursor = result
            made = await call
            calls.discard(call)
            ahead.release()
            schema = schema or made.schema
            if made.schema != schema:
                raise ValueError(f"The transform gave {made.schema} after {schema}.")
            yield made.select([*columns]) if columns else made, cursor
        await calling
    finally:
        ending = {calling, *calls}
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


async def _call(transform: Transform, batch: Any) -> pa.RecordBatch:
    if not isinstance(batch, pa.RecordBatch):
        raise TypeError(f"A transform takes Arrow batches, and no {type(batch).__name__}.")
    if batch_export_settings().transform_processes:
        return await call_in_process(transform, batch)
    return await run_sync(apply, transform, batch, limiter=COMPUTING)
