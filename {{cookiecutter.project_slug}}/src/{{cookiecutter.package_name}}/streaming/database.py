"""Queries on DuckDB as streams of Arrow record batches, with timestamps in UTC."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
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
        schema = _in_utc(reader.schema)
        batch = await run_in_thread(next, reader, None)
        if batch is None:
            yield pa.RecordBatch.from_pylist([], schema=schema)
        while batch is not None:
            yield batch.cast(schema)
            batch = await run_in_thread(next, reader, None)
    finally:
        cursor.interrupt()


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
    while True:
        rows = batch_rows if limit is None else min(batch_rows, limit)
        condition = "" if after is None else f"WHERE {key} > $after"
        page = f"FROM ({sql}) {condition} ORDER BY {key} LIMIT {rows}"
        parameters = {} if after is None else {"after": after}
        found = 0
        async with aclosing(query_batches(connection, page, parameters, rows)) as batches:
            async for batch in batches:
                yield batch
                found += batch.num_rows
                if batch.num_rows:
                    after = batch.column(key)[-1].as_py()
        if limit is not None:
            limit -= found
        if found < rows or limit == 0:
            return


def _open(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any], batch_rows: int
) -> pa.RecordBatchReader:
    # `cursor.execute(…)` would hold the whole result in memory.
    return cursor.sql(sql, params=parameters).to_arrow_reader(batch_rows)


def _in_utc(schema: pa.Schema) -> pa.Schema:
    """DuckDB names the time zone of the machine; the instants are the same in UTC."""
    fields = [
        field.with_type(pa.timestamp(field.type.unit, "UTC"))
        if pa.types.is_timestamp(field.type)
        else field
        for field in schema
    ]
    return pa.schema(fields)
