"""A table in the order of its key, page by page; each page is proved to be whole."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import HTTPException

from .catalog import Column
from .inputs import without_rows
from .table import quote
from .tables import Condition, Description, ServedTable

# The key of a row, as a struct of texts: what a cursor holds. No column has such a name.
KEY = f"key {token_hex(8)}"
TIE = f"tie {token_hex(8)}"
# The first page is small, so that nobody waits for it, and tells how large rows are. The next ones
# grow by half: a query costs about as much for many rows as for a few, but a reader that stops after
# a few is not to hold many.
FIRST_ROWS = 500
MOST_BATCHES = 16
# Two pages may be in memory, the one that is sent and the next.
PAGE_BYTES = 1024 * 1024
# A reader that takes longer over a batch does not need the next ones to be there.
PATIENCE_SECONDS = 5
LARGEST_IN_ARROW = 2**64 - 1
# In others a column may have values of any type.
EXACT_INTEGERS = ("duckdb", "postgresql")
FLOATS = ("DOUBLE", "FLOAT", "REAL", "double precision", "real", "numeric")

Key = dict[str, str]


class KeyProblem(HTTPException):
    """The rows of a table cannot be walked in the order of its key."""

    type = "/problems/unordered-key"

    def __init__(self, table: ServedTable, reason: str) -> None:
        names = f" ({', '.join(table.table.key_names)})" if table.table.key_names else ""
        super().__init__(
            409,
            f"The table {table.name!r} cannot be walked in the order of its key{names}: {reason}."
            f" Name a column without NULL and repeated values as its key, or several columns that"
            f" are unique together; /exports/{table.name} sends the table in any order.",
        )


@dataclass(frozen=True)
class Selection:
    """Which rows of a table, and what of them. `after` is the key of a row, and `limit` most rows."""

    fields: Sequence[str]
    conditions: Sequence[Condition]
    after: Key | None
    limit: int | None


async def walk(
    table: ServedTable, selection: Selection, batch_rows: int
) -> AsyncGenerator[pa.RecordBatch, None]:
    """Yield the rows of a selection in the order of the key, each once, with their key in `KEY`.

    A query of its own brings one batch, or a few; so the first comes at once however large the
    table is, and a slow reader holds nothing in the database. The next query runs while these
    batches are used, unless the reader is slow. No rows: an empty batch.

    Raises `KeyProblem` for rows that have no place in that order: before the first batch where it
    can be seen, and never later than the page that they are on. Raises `BadValue`.
    """
    description = await table.describe()
    if not description.key:
        raise KeyProblem(table, "it has none")
    pages = _Pages(table, description, selection, batch_rows)
    await pages.check_keys()
    if description.repeats and not selection.conditions:
        raise KeyProblem(table, "some rows have the same")
    ahead = _ReadAhead(pages, selection.after, selection.limit)
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

    def __init__(self, pages: "_Pages", after: Key | None, limit: int | None) -> None:
        self._pages = pages
        self._after = after
        self._left = limit
        self._page: list[pa.RecordBatch] = []
        self._is_last = False
        self._reading: asyncio.Task[tuple[list[pa.RecordBatch], bool]] | None = None
        self._keeps_up = True
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
        self._reading = self._reading or self._read(self._after, self._left)
        self._page, self._is_last = await self._reading
        self._reading = None
        after, left = self._behind(self._page)
        self._is_last = self._is_last or left == 0
        if self._keeps_up and not self._is_last:
            self._reading = self._read(after, left)

    def _read(
        self, after: Key | None, limit: int | None
    ) -> asyncio.Task[tuple[list[pa.RecordBatch], bool]]:
        return asyncio.create_task(self._pages.read(after, limit))

    def _behind(self, page: list[pa.RecordBatch]) -> tuple[Key | None, int | None]:
        """The last key, and how many rows are left of the limit."""
        rows = sum(map(len, page))
        after = page[-1].column(KEY)[-1].as_py() if rows else self._after
        return after, None if self._left is None else self._left - rows

    def _let_go(self) -> None:
        self._keeps_up = False
        self._pages.begin_small()
        if self._reading and not self._reading.done():
            # Until then it has the connection, and it will be behind this page.
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
        self, table: ServedTable, description: Description, selection: Selection, batch_rows: int
    ) -> None:
        self._table = table
        self._key = description.key
        self._is_proven = description.is_proven
        self._fields = [*selection.fields]
        self._where = table.where(selection.conditions)
        self._batch_rows = batch_rows
        self._most_rows = MOST_BATCHES * batch_rows
        self.begin_small()
        # By how much integer keys grew over how many rows of the last page, and the largest there is.
        self._growth: tuple[int, int] | None = None
        dialect, largest = table.database.dialect, self._key[0].integers.stop - 1
        is_exact = len(self._key) == 1 and dialect in EXACT_INTEGERS
        is_integer = is_exact and 0 < largest <= LARGEST_IN_ARROW
        self._largest = largest if is_integer and dialect == "duckdb" else 0
        # Integers are compared here; other keys come as text, and only the database knows them.
        self._has_ties_told = not self._is_proven and not is_integer
        form = "{}" if is_integer else "CAST({} AS VARCHAR)"
        keys = [f'{form.format(quote(c.name))} AS "{KEY}{n}"' for n, c in enumerate(self._key)]
        tie = [f'"{TIE}"'] if self._has_ties_told else []
        self._select = ", ".join([table.select(self._fields, description), *keys, *tie])
        self._order = ", ".join(quote(column.name) for column in self._key)

    def begin_small(self) -> None:
        """Let the next page be as small as the first."""
        self._rows = min(FIRST_ROWS, self._batch_rows)

    async def check_keys(self) -> None:
        """Raises `KeyProblem` where a key is NULL, or is no number."""
        names = [quote(column.name) for column in self._key]
        reasons = [] if self._is_proven else [("it is NULL", f"{name} IS NULL") for name in names]
        for column in self._key:
            if column.sql_type in FLOATS:
                not_a_number = f"{quote(column.name)} = {self._table.cast(column, 'NaN')}"
                reasons.append(("it is NaN", not_a_number))
        for reason, test in reasons:
            relation = f"FROM {self._table.table.sql} AS checked"
            sql = f"SELECT 1 {relation} WHERE {self._where} AND {test} LIMIT 1"
            if len((await self._table.database.fetch(sql))[0]):
                raise KeyProblem(self._table, f"{reason} in some rows")

    async def read(self, after: Key | None, limit: int | None) -> tuple[list[pa.RecordBatch], bool]:
        """The batches of the next page, and whether they are the last."""
        page: pa.Table | None = None
        is_last = False
        rows = min(self._rows, limit or self._rows)
        if self._growth and after:
            page = await self._read_range(after, self._growth, rows)
        if page is None:
            # A row more than are asked for shows whether the last of them is the only one with its key.
            page = await self._fetch(self._behind(after), rows, f"ORDER BY {self._order}")
            is_last = len(page) <= rows
            page = page[:rows]
        if after and len(page) and page.column(KEY)[-1].as_py() == after:
            raise KeyProblem(self._table, "the database does not compare it as it orders it")
        self._learn(page)
        return page.to_batches(self._batch_rows) or [without_rows(page.schema)], is_last

    async def _read_range(self, after: Key, growth: tuple[int, int], rows: int) -> pa.Table | None:
        """The range of keys that should have so many rows; nothing where it has more, or none."""
        [last] = after.values()
        until = min(int(last) + growth[0] * rows // growth[1], self._largest)
        in_range = f"{self._behind(after)} AND {self._order} <= {until}"
        page = await self._fetch(in_range, rows, "")
        return page if 0 < len(page) <= rows else None

    async def _fetch(self, condition: str, rows: int, order: str) -> pa.Table:
        """The rows, and one more if there is one. Raises `KeyProblem` for equal keys among them."""
        inner = (
            f"SELECT * FROM {self._table.table.sql} AS walked"
            f" WHERE {self._where} AND {condition} {order} LIMIT {rows + 1}"
        )
        if self._has_ties_told:
            equal = (f"{quote(c.name)} = lag({quote(c.name)}) OVER walk" for c in self._key)
            tie = f'({" AND ".join(equal)}) AS "{TIE}"'
            inner = (
                f"SELECT *, {tie} FROM ({inner}) AS page WINDOW walk AS (ORDER BY {self._order})"
            )
        # The list may have texts by the names of the columns that they were made of.
        order = ", ".join(f"page.{quote(column.name)}" for column in self._key)
        sql = f"SELECT {self._select} FROM ({inner}) AS page ORDER BY {order}"
        page = pa.Table.from_batches(await self._table.database.fetch(sql, self._batch_rows))
        count = len(self._key)
        keys = page.columns[len(self._fields) : len(self._fields) + count]
        if any(key.null_count for key in keys):
            raise KeyProblem(self._table, "it is NULL in some rows")
        if self._has_ties_told:
            has_ties = True in page.column(TIE).unique().to_pylist()
        else:
            has_ties = not self._is_proven and not _is_increasing(keys[0])
        if has_ties:
            raise KeyProblem(self._table, "some rows have the same")
        return _with_key(page.select(range(len(self._fields))), self._key, keys)

    def _behind(self, after: Key | None) -> str:
        """SQL for the rows that come later than a key, in the order of its columns."""
        if after is None:
            return "true"
        behind = ""
        for column in reversed(self._key):
            name, value = quote(column.name), self._table.cast(column, after[column.name])
            tie = f" OR ({name} = {value} AND ({behind}))" if behind else ""
            behind = f"{name} > {value}{tie}"
        first = self._key[0]
        not_before = f"{quote(first.name)} >= {self._table.cast(first, after[first.name])}"
        return f"{not_before} AND ({behind})" if len(self._key) > 1 else behind

    def _learn(self, page: pa.Table) -> None:
        if not len(page):
            return
        self._rows = min(3 * self._rows // 2 + 1, self._most_rows, rows_of_a_page(page))
        if self._largest:
            first, last = (int(*page.column(KEY)[place].as_py().values()) for place in (0, -1))
            self._growth = max(last - first, 1), max(len(page) - 1, 1)


def rows_of_a_page(like: pa.Table | pa.RecordBatch) -> int:
    """How many rows as large as these a page may have, and one at least."""
    return max(1, PAGE_BYTES * len(like) // max(like.nbytes, 1))


def _is_increasing(key: pa.ChunkedArray) -> bool:
    # pyarrow makes these functions when it is imported.
    return pc.all(pc.less(key[:-1], key[1:])).as_py() is not False  # ty: ignore[missing-attribute]


def _with_key(page: pa.Table, key: Sequence[Column], values: Sequence[pa.ChunkedArray]) -> pa.Table:
    names = [column.name for column in key]
    texts = [value.combine_chunks().cast(pa.string()) for value in values]
    return page.append_column(KEY, pa.StructArray.from_arrays(texts, names))
