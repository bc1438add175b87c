"""A table as a whole, in any order."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pyarrow as pa

from .database import BadValue, RelationMissing
from .pages import FIRST_ROWS, KEY, Selection, rows_of_a_page, walk
from .tables import Condition, ServedTable


async def read_all(
    table: ServedTable,
    columns: Sequence[str],
    conditions: Sequence[Condition],
    *,
    batch_rows: int,
    snapshot_seconds: float,
) -> AsyncGenerator[pa.RecordBatch, None]:
    """Yield these columns of all rows that meet the conditions; no rows: an empty batch.

    It is one snapshot, which the database keeps open for `snapshot_seconds` at most. With zero, it
    is read in pages by its key: rows that are inserted and deleted meanwhile may be there or not. A
    table in a DuckDB file, to which nobody writes, is one snapshot in pages as well.
    """
    try:
        if snapshot_seconds == 0:
            selection = Selection(columns, conditions, None, None)
            batches = walk(table, selection, batch_rows)
        else:
            batches = _snapshot(table, columns, conditions, batch_rows, snapshot_seconds)
        async with aclosing(batches):
            async for batch in batches:
                yield batch.drop_columns([KEY]) if snapshot_seconds == 0 else batch
    except (BadValue, RelationMissing) as error:
        raise await table.refusal(error, conditions, None) from error


async def _snapshot(
    table: ServedTable,
    columns: Sequence[str],
    conditions: Sequence[Condition],
    batch_rows: int,
    snapshot_seconds: float,
) -> AsyncGenerator[pa.RecordBatch, None]:
    description = await table.describe()
    query = f"SELECT {table.select(columns, description)} FROM {table.table.sql} AS exported"
    query += f" WHERE {table.where(conditions)}"
    if not description.has_rowids:
        batches = table.database.stream(query, batch_rows, snapshot_seconds)
        async with aclosing(batches):
            async for batch in batches:
                yield batch
        return
    # A query that is open holds twice what a reader that stands still costs without one.
    batches = read_by_rowids(table, query, -1, batch_rows)
    async with aclosing(batches):
        async for batch, _ in batches:
            yield batch


async def read_by_rowids(
    table: ServedTable, query: str, after: int, batch_rows: int
) -> AsyncGenerator[tuple[pa.RecordBatch, int], None]:
    """Yield what `query` finds in the rows behind this number, and the last number of each page.

    The next page is read while this one is used.
    """
    newest = f"SELECT coalesce(max(rowid), 0) FROM {table.table.sql} AS exported"
    [found] = await table.database.fetch(newest)
    last = found.column(0)[0].as_py()

    def read(first: int, rows: int) -> asyncio.Task[list[pa.RecordBatch]]:
        page = f"{query} AND rowid BETWEEN {first} AND {min(first + rows - 1, last)}"
        return asyncio.create_task(table.database.fetch(page, rows))

    first, rows = after + 1, min(FIRST_ROWS, batch_rows)
    reading: asyncio.Task[list[pa.RecordBatch]] | None = read(first, rows)
    try:
        while reading:
            batch = pa.concat_batches(await reading)
            until, first = min(first + rows - 1, last), first + rows
            rows = min(batch_rows, rows_of_a_page(batch)) if len(batch) else batch_rows
            reading = read(first, rows) if first <= last else None
            yield batch, until
    finally:
        if reading:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
