"""Queries on DuckDB as streams of Arrow record batches."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from anyio.to_thread import run_sync

from ..streaming.pools import QUERIES

run_in_thread = partial(run_sync, abandon_on_cancel=True, limiter=QUERIES)
# So that the first rows do not wait for a whole batch.
FIRST_ROWS = 1_000
# A query costs about as much for a few batches as for one, but not every reader wants them all.
MOST_BATCHES = 6
# A reader that takes longer over a batch does not need the next ones to be there.
PATIENCE_SECONDS = 5


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
    batches are used, unless the reader is slow. No rows: an empty batch.
    """
    ahead = _ReadAhead(_Pages(connection, query, key, batch_rows), key, after, limit)
    try:
        while (batch := await ahead.next_batch()) is not None:
            yield batch
    finally:
        await ahead.close()


class _ReadAhead:
    """Reads the next page while the batches of this one are used.

    What was read for a reader that then takes long over a batch, or has stopped, is let go, and
    read again when it comes back: a batch is all that it holds.
    """

    def __init__(self, pages: "_Pages", key: str, after: Any, limit: int | None) -> None:
        self._pages = pages
        self._key = key
        self._after = after
        self._left = limit
        self._page: list[pa.RecordBatch] = []
        self._is_last = False
        self._reading: asyncio.Task[tuple[list[pa.RecordBatch], bool]] | None = None
        self._keeps_up = True
        self._batches = 1
        self._timer: asyncio.TimerHandle | None = None

    async def next_batch(self) -> pa.RecordBatch | None:
        if self._timer:
            self._timer.cancel()
        if not self._page and not self._is_last:
            await self._turn_page()
        if not self._page:
            return None
        batch = self._page.pop(0)
        self._after, self._left = self._behind([batch])
        self._keeps_up = True
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(PATIENCE_SECONDS, self._let_go)
        return batch

    async def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _turn_page(self) -> None:
        self._reading = self._reading or self._read(self._after, self._left, 1)
        self._page, self._is_last = await self._reading
        self._reading = None
        after, left = self._behind(self._page)
        self._is_last = self._is_last or left == 0
        if self._keeps_up and not self._is_last:
            self._reading = self._read(after, left, self._batches)
            self._batches = min(2 * self._batches, MOST_BATCHES)

    def _read(
        self, after: Any, limit: int | None, batches: int
    ) -> asyncio.Task[tuple[list[pa.RecordBatch], bool]]:
        return asyncio.create_task(self._pages.read(after, limit, batches))

    def _behind(self, page: list[pa.RecordBatch]) -> tuple[Any, int | None]:
        """The last key, and how many rows are left of the limit."""
        rows = sum(map(len, page))
        after = page[-1].column(self._key)[-1].as_py() if rows else self._after
        return after, None if self._left is None else self._left - rows

    def _let_go(self) -> None:
        self._keeps_up = False
        self._batches = 1
        if self._reading and not self._reading.done():
            # Until then it has the cursor, and it will be behind this page.
            self._reading.add_done_callback(self._let_go_if_still_slow)
        elif not self._reading or not self._reading.exception():  # a failed one tells why
            self._reading = None
            if self._page:
                self._page.clear()
                self._is_last = False

    def _let_go_if_still_slow(self, reading: asyncio.Task[Any]) -> None:
        if not self._keeps_up and not reading.cancelled():
            self._let_go()


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
        self._rows = min(FIRST_ROWS, batch_rows)
        # By how much integer keys grew over how many rows of the last page.
        self._growth: tuple[int, int] | None = None

    async def read(
        self, after: Any, limit: int | None, batches: int
    ) -> tuple[list[pa.RecordBatch], bool]:
        """At most so many batches, and whether they are the last."""
        page: list[pa.RecordBatch] = []
        is_last = False
        if self._growth:
            most = batches * self._batch_rows
            rows = min(most, limit or most)
            growth, counted = self._growth
            page = await self._read_range(after, after + growth * rows // counted, rows)
        if not page:
            rows = min(self._rows, limit or self._rows)
            page = await self._fetch("true", after, None, f"ORDER BY {self._column} LIMIT {rows}")
            is_last = sum(map(len, page)) < rows
        self._learn(page)
        return page, is_last

    async def _read_range(self, after: int, until: int, rows: int) -> list[pa.RecordBatch]:
        """The range of keys that should have so many rows; nothing where it has more, or none."""
        in_range = f"{self._column} <= $until_key"
        page = await self._fetch(in_range, after, until, f"LIMIT {rows + 1}")
        return self._in_order(page) if 0 < sum(map(len, page)) <= rows else []

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

    def _learn(self, page: list[pa.RecordBatch]) -> None:
        self._rows = self._batch_rows
        if rows := sum(map(len, page)):
            first, last = page[0].column(self._key)[0], page[-1].column(self._key)[-1]
            if pa.types.is_integer(last.type):
                self._growth = max(last.as_py() - first.as_py(), 1), max(rows - 1, 1)


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
