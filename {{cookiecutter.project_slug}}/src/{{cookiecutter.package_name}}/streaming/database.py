"""Queries on DuckDB as streams of Arrow record batches."""

import asyncio
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
RANGE_BATCHES = 3


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
    table is, and a slow reader holds nothing in the database. The next query runs while these
    batches are used. No rows: an empty batch.
    """
    pages = _Pages(connection, query, key, batch_rows)
    rows = min(FIRST_ROWS, batch_rows, limit or FIRST_ROWS)
    reading = asyncio.create_task(pages.read(after, None, rows))
    try:
        while True:
            page, is_last = await reading
            count = sum(batch.num_rows for batch in page)
            limit = None if limit is None else limit - count
            if is_last or limit == 0:
                break
            first, after = page[0].column(key)[0].as_py(), page[-1].column(key)[-1].as_py()
            rows, until = pages.next_range(first, after, count, limit)
            reading = asyncio.create_task(pages.read(after, until, rows))
            while page:
                yield page.pop(0)
        while page:
            yield page.pop(0)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


class _Pages:
    """Reads the rows behind a key: as the first ones in order, or as all of a range of keys.

    DuckDB takes three times as long for the first as for the second.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, query: Query, key: str, batch_rows: int
    ) -> None:
        self._cursor = connection.cursor()
        self._query = query
        self._key = key
        self._column = '"{}"'.format(key.replace('"', '""'))
        self._batch_rows = batch_rows

    async def read(self, after: Any, until: Any, rows: int) -> tuple[list[pa.RecordBatch], bool]:
        """At most `rows`, up to the key `until` if there is one, and whether they are the last."""
        if until is not None:
            in_range = f"{self._column} <= $until_key"
            page = await self._fetch(in_range, after, until, f"LIMIT {rows + 1}")
            if 0 < sum(batch.num_rows for batch in page) <= rows:
                return self._in_order(page), False
            rows = min(rows, self._batch_rows)
        page = await self._fetch("true", after, None, f"ORDER BY {self._column} LIMIT {rows}")
        return page, sum(batch.num_rows for batch in page) < rows

    async def _fetch(
        self, condition: str, after: Any, until: Any, order: str
    ) -> list[pa.RecordBatch]:
        keys = {"after_key": after, "until_key": until}
        parameters = {name: value for name, value in keys.items() if value is not None}
        if after is not None:
            condition += f" AND {self._column} > $after_key"
        sql = f"FROM ({self._query.sql}) WHERE {condition} {order}"
        return await _fetch(
            self._cursor, sql, {**self._query.parameters, **parameters}, self._batch_rows
        )

    def _in_order(self, page: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
        table = pa.Table.from_batches(page)
        keys = table.column(self._key).combine_chunks()
        in_order = pc.all(pc.less(keys[:-1], keys[1:]))  # ty: ignore[missing-attribute]
        if in_order.as_py() is not False:
            return page
        return table.sort_by(self._key).to_batches(max_chunksize=self._batch_rows)

    def next_range(
        self, first: Any, last: Any, count: int, limit: int | None
    ) -> tuple[int, int | None]:
        """How many rows to read next, and where they end if the keys go on to be as dense.

        Only integers tell the second; `count` rows reach from `first` to `last`.
        """
        if not isinstance(last, int):
            return min(self._batch_rows, limit or self._batch_rows), None
        most = RANGE_BATCHES * self._batch_rows
        rows = min(most, limit or most)
        return rows, last + max(last - first, 1) * rows // max(count - 1, 1)


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
    table = _open(cursor, sql, parameters, batch_rows).read_all()
    return table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]


def _open(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any], batch_rows: int
) -> pa.RecordBatchReader:
    # `cursor.execute(…)` would hold the whole result in memory.
    return cursor.sql(sql, params=parameters).to_arrow_reader(batch_rows)
