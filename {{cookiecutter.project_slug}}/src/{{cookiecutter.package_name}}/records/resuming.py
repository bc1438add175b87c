"""A table as a whole, batch by batch, each with a cursor from which another reader goes on."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pyarrow as pa

from .database import BadValue, RelationMissing
from .exports import read_all, read_by_rowids
from .pages import KEY, Selection, walk
from .tables import Condition, ServedTable

# `None` where rows have no order: then whoever comes later begins with the first.
Cursor = str | None


async def read_on(
    table: ServedTable,
    columns: Sequence[str],
    conditions: Sequence[Condition],
    after: Cursor,
    batch_rows: int,
    snapshot_seconds: float,
) -> AsyncGenerator[tuple[pa.RecordBatch, Cursor], None]:
    """Yield the rows behind a cursor, and the cursor behind each batch; no rows: an empty batch.

    A table in a DuckDB file is read by its row numbers, and anything else in pages by its key: rows
    that are inserted and deleted meanwhile may be there or not. What has neither is one snapshot,
    which is read from the beginning.
    """
    description = await table.describe()
    try:
        if description.has_rowids:
            batches = _by_rowids(table, columns, conditions, int(after or -1), batch_rows)
        elif description.key and not description.repeats:
            batches = _by_key(table, columns, conditions, after, batch_rows)
        else:
            batches = _from_the_beginning(table, columns, conditions, batch_rows, snapshot_seconds)
        async with aclosing(batches):
            async for batch in batches:
                yield batch
    except (BadValue, RelationMissing) as error:
        raise await table.refusal(error, conditions, None) from error


async def count_rows(table: ServedTable, conditions: Sequence[Condition]) -> int:
    """How many rows meet the conditions."""
    where = table.where(conditions)
    query = f"SELECT count(*) FROM {table.table.sql} AS counted WHERE {where}"
    [batch] = await table.database.fetch(query)
    return batch.column(0)[0].as_py()


async def _by_rowids(
    table: ServedTable,
    columns: Sequence[str],
    conditions: Sequence[Condition],
    after: int,
    batch_rows: int,
) -> AsyncGenerator[tuple[pa.RecordBatch, Cursor], None]:
    """As the file is open read-only, its rows keep their numbers."""
    select = table.select(columns, await table.describe())
    query = f"SELECT {select} FROM {table.table.sql} AS exported WHERE {table.where(conditions)}"
    async with aclosing(read_by_rowids(table, query, after, batch_rows)) as pages:
        async for batch, last in pages:
            yield batch, str(last)


async def _by_key(
    table: ServedTable,
    columns: Sequence[str],
    conditions: Sequence[Condition],
    after: Cursor,
    batch_rows: int,
) -> AsyncGenerator[tuple[pa.RecordBatch, Cursor], None]:
    key = json.loads(after) if after else None
    async with aclosing(
        walk(table, Selection(columns, conditions, key, None), batch_rows)
    ) as batches:
        async for batch in batches:
            if len(batch):
                after = json.dumps(batch.column(KEY)[-1].as_py())
            yield batch.drop_columns([KEY]), after


async def _from_the_beginning(
    table: ServedTable,
    columns: Sequence[str],
    conditions: Sequence[Condition],
    batch_rows: int,
    snapshot_seconds: float,
) -> AsyncGenerator[tuple[pa.RecordBatch, Cursor], None]:
    batches = read_all(
        table, columns, conditions, batch_rows=batch_rows, snapshot_seconds=snapshot_seconds
    )
    async with aclosing(batches):
        async for batch in batches:
            yield batch, None
