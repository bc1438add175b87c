"""Queries on DuckDB as streams of Arrow record batches."""

from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Any

import duckdb
import pyarrow as pa
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

# Queries have threads of their own, so that long ones leave some for everything else.
run_in_thread = partial(run_sync, abandon_on_cancel=True, limiter=CapacityLimiter(40))


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
    newest = await _fetch(cursor, f"SELECT max(rowid) FROM {table}", {})  # noqa: S608
    last = newest.column(0)[0].as_py()
    page = f"SELECT * FROM {table} WHERE rowid BETWEEN $first AND $last"  # noqa: S608
    for first in range(0, 1 if last is None else last + 1, batch_rows):
        bounds = {"first": first, "last": min(first + batch_rows - 1, last or 0)}
        yield await _fetch(cursor, page, bounds)


async def keyset_batches(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    key: str,
    after: Any,
    limit: int | None,
    batch_rows: int,
) -> AsyncGenerator[pa.RecordBatch, None]:
    """Yield the rows of `sql` in the order of the unique column `key`, from behind `after` on.

    Each batch is a query of its own, so the first one comes at once however large the table is,
    and a slow reader holds nothing in the database.
    """
    cursor = connection.cursor()
    while True:
        rows = batch_rows if limit is None else min(batch_rows, limit)
        condition = "" if after is None else f"WHERE {key} > $after"
        page = f"FROM ({sql}) {condition} ORDER BY {key} LIMIT {rows}"
        batch = await _fetch(cursor, page, {} if after is None else {"after": after})
        yield batch
        if batch.num_rows:
            after = batch.column(key)[-1].as_py()
        if limit is not None:
            limit -= batch.num_rows
        if batch.num_rows < rows or limit == 0:
            return


async def _fetch(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]
) -> pa.RecordBatch:
    """The whole result as one batch; a caller who does not wait for it interrupts the query."""
    try:
        return await run_in_thread(_read, cursor, sql, parameters)
    except BaseException:
        cursor.interrupt()
        raise


def _read(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]
) -> pa.RecordBatch:
    table = cursor.sql(sql, params=parameters).to_arrow_table()
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _open(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any], batch_rows: int
) -> pa.RecordBatchReader:
    # `cursor.execute(…)` would hold the whole result in memory.
    return cursor.sql(sql, params=parameters).to_arrow_reader(batch_rows)
