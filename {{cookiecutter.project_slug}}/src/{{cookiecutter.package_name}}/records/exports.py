"""A table as a whole, in any order."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pyarrow as pa

from .database import BadValue, RelationMissing
from .pages import KEY, Selection, walk
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
    newest = f"SELECT coalesce(max(rowid), 0) FROM {table.table.sql} AS exported"
    [batch] = await table.database.fetch(newest)
    last = batch.column(0)[0].as_py()
    for first in range(0, last + 1, batch_rows):
        page = f"{query} AND rowid BETWEEN {first} AND {min(first + batch_rows - 1, last)}"
        for batch in await table.database.fetch(page, batch_rows):
            yield batch
