"""Queries on DuckDB as streams of Arrow record batches."""

from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

# Queries have threads of their own, so that long ones leave some for everything else.
run_in_thread = partial(run_sync, abandon_on_cancel=True, limiter=CapacityLimiter(40))
# So that the first rows do not wait for a whole batch.
FIRST_ROWS = 1_000
# A query costs about as much for a few batches as for one.
RANGE_BATCHES = 4


async def query_batches(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: Mapping[str, Any],
    batch_rows: int,
) -> AsyncGenerator[pa.RecordBatch, None]:
    """Run `sql` once and yield its rows, at most `batch_rows` in a batch; no rows: an empty batch.

    The query goes on only while a batch is asked for, and is interrupted when nobody asks any more.
    """
    cursor = connection.cursor()
    try:
        reader = await run_in_thread(_open, cursor, sql, dict(parameters), batch_rows)
        batch = await run_in_thread(next, reader, None)
        if batch is None:
            yield pa.RecordBatch.from_pylist([], schema=reader.schema)
        while batch is not None:
            yield batch
            batch = await run_in_thread(next, reader, None)
    finally:
        cursor.interrupt()


async def table_batches(
    connection: duckdb.DuckDBPyConnection, table: str, batch_rows: int
) -> AsyncGenerator[pa.RecordBatch, None]:
    """Yield the rows that `table` has now, at most `batch_rows` in a batch; none: an empty batch.

    Each batch is a query of its own, so a slow reader holds nothing in the database. (One query
    that is open keeps 2 to 12 MiB.) Rows that are deleted meanwhile may be missing.
    """
    cursor = connection.cursor()
    [newest] = await _fetch(cursor, f"SELECT max(rowid) FROM {table}", {}, 1)  # noqa: S608
    last = newest.column(0)[0].as_py()
    page = f"SELECT * FROM {table} WHERE rowid BETWEEN $first AND $last"  # noqa: S608
    for first in range(0, 1 if last is None else last + 1, batch_rows):
        bounds = {"first": first, "last": min(first + batch_rows - 1, last or 0)}
        for batch in await _fetch(cursor, page, bounds, batch_rows):
            yield batch


class Query(NamedTuple):
    """SQL that gives rows, and the values of the `$parameters` in it."""

    sql: str
    parameters: Mapping[str, Any]


async def keyset_batches(
    connection: duckdb.DuckDBPyConnection,
    query: Query,
    *,
    key: str,
    after: Any,
    limit: int | None,
    batch_rows: int,
) -> AsyncGenerator[pa.RecordBatch, None]:
    """Yield the rows of `query` in the order of the unique column `key`, from behind `after` on.

    A query of its own brings one batch, or a few; so the first comes at once however large the
    table is, and a slow reader holds nothing in the database. No rows: an empty batch.
    """
    cursor = connection.cursor()
    rows, until = min(FIRST_ROWS, batch_rows, limit or FIRST_ROWS), None
    while True:
        page = await _fetch(cursor, *_page(query, key, after, until, rows), batch_rows)
        count = sum(batch.num_rows for batch in page)
        if until is not None and not 0 < count <= rows:
            rows, until = min(rows, batch_rows), None
            continue
        is_last = until is None and count < rows
        if count:
            page = _in_order(page, key)
            first, after = page[0].column(key)[0].as_py(), page[-1].column(key)[-1].as_py()
        while page:
            yield page.pop(0)
        limit = None if limit is None else limit - count
        if is_last or limit == 0:
            return
        most = batch_rows * (RANGE_BATCHES if isinstance(after, int) else 1)
        rows = most if limit is None else min(most, limit)
        until = _end_of_range(first, after, count, rows)


def _page(query: Query, key: str, after: Any, until: Any, rows: int) -> tuple[str, dict[str, Any]]:
    """The query for the rows behind `after`, and its parameters.

    It is for the first `rows`, in order. With `until` it is for all up to that key, in any order,
    which takes DuckDB a third of the time; one row more than `rows` says that these are too many.
    """
    bounds = {"after_key": after, "until_key": until}
    used = {name: bound for name, bound in bounds.items() if bound is not None}
    conditions = {"after_key": f"{key} > $after_key", "until_key": f"{key} <= $until_key"}
    condition = " AND ".join(map(conditions.__getitem__, used)) or "true"
    order = f"ORDER BY {key} LIMIT {rows}" if until is None else f"LIMIT {rows + 1}"
    return f"FROM ({query.sql}) WHERE {condition} {order}", {**query.parameters, **used}


def _in_order(page: list[pa.RecordBatch], key: str) -> list[pa.RecordBatch]:
    table = pa.Table.from_batches(page)
    keys = table.column(key).combine_chunks()
    if pc.all(pc.less(keys[:-1], keys[1:])).as_py() is not False:  # ty: ignore[missing-attribute]
        return page
    return table.sort_by(key).to_batches(max_chunksize=page[0].num_rows)


def _end_of_range(first: Any, last: Any, count: int, rows: int) -> int | None:
    """Where `rows` more end if integer keys go on to be as dense as the `count` until `last`."""
    if not isinstance(last, int):
        return None
    if count == 1:
        return last + rows
    return last + (last - first) * rows // (count - 1)


async def _fetch(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any], batch_rows: int
) -> list[pa.RecordBatch]:
    """The whole result; a caller who does not wait for it interrupts the query."""
    try:
        return await run_in_thread(_read, cursor, sql, parameters, batch_rows)
    except BaseException:
        cursor.interrupt()
        raise


def _read(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any], batch_rows: int
) -> list[pa.RecordBatch]:
    reader = _open(cursor, sql, parameters, batch_rows)
    return list(reader) or [pa.RecordBatch.from_pylist([], schema=reader.schema)]


def _open(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any], batch_rows: int
) -> pa.RecordBatchReader:
    # `cursor.execute(…)` would hold the whole result in memory.
    return cursor.sql(sql, params=parameters).to_arrow_reader(batch_rows)
