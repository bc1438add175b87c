"""The tables that are served, and what is known of each: from `TABLES`, `source.py`, the database."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from time import monotonic
from typing import Any, NamedTuple

import pyarrow as pa
from anyio.to_thread import run_sync
from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError

from ..streaming import health
from . import source
from .casts import select_list
from .catalog import MOST_ROWS_LOOKED_AT, Column, Declared, read_columns, read_declared
from .connections import connector_of
from .database import (
    BadValue,
    Database,
    DatabaseUnavailable,
    RelationForbidden,
    RelationMissing,
)
from .settings import record_settings
from .table import Table, quote

# How long what a database has said of a table is taken for true.
DESCRIPTION_SECONDS = 60
CHECK_SECONDS = 5
PATIENCE_SECONDS = 0.3
RETRY_SECONDS = 1
# Of what a refusal repeats.
MOST_NAMES = 20
MOST_LETTERS = 100


@dataclass(frozen=True, eq=False)
class Description:
    """What is known of a table: `columns` are those that clients see, `schema` how they come.

    The rows of an `is_proven` key are declared to be unique and not NULL; `repeats` says that some
    are known not to be. A table of DuckDB `has_rowids`, and a view has none.
    """

    columns: dict[str, Column]
    filters: Collection[str]
    schema: pa.Schema
    key: tuple[Column, ...]
    is_proven: bool
    repeats: bool
    has_rowids: bool


class Condition(NamedTuple):
    """What a request asks of a column: `operator` is `=`, `>=` or `<`."""

    parameter: str
    column: Column
    operator: str
    value: str


class ServedTable:
    """A `Table` by its name in URLs, with the database that it is in."""

    def __init__(self, name: str, table: Table, database: Database) -> None:
        self.name = name
        self.table = table
        self.database = database
        self.description: Description | None = None
        self._described_at = 0.0
        self._checked: pa.Schema | None = None
        self._describing = asyncio.Lock()

    async def describe(self) -> Description:
        """What the database said of it in the last minute. Raises `DatabaseUnavailable`."""
        async with self._describing:
            is_new = monotonic() - self._described_at < DESCRIPTION_SECONDS
            if self.description is None or not is_new:
                self.description = await self._describe()
                self._described_at = monotonic()
            return self.description

    async def check(self) -> None:
        """Raises `DatabaseUnavailable` where a query would find no table, or another one."""
        try:
            [empty] = await self.database.fetch(
                f"SELECT * FROM {self.table.sql} AS checked LIMIT 0"
            )
        except RelationMissing as error:
            raise self._missing(error) from error
        if empty.schema != self._checked:
            self.description, self._checked = None, empty.schema
        await self.describe()

    def select(self, names: Collection[str], description: Description) -> str:
        """The select list for these columns, each as Arrow can hold it."""
        return select_list(self.database.dialect, [description.columns[name] for name in names])

    def where(self, conditions: Collection[Condition]) -> str:
        """Raises `BadValue` for a text that the database does not take."""
        tests = [
            f"{quote(column.name)} {operator} {self.cast(column, value)}"
            for _, column, operator, value in conditions
        ]
        return " AND ".join(tests) or "true"

    def cast(self, column: Column, text: str) -> str:
        """A value of a column's type: it is the database that reads, and compares it."""
        return f"CAST({self.database.literal(text)} AS {column.sql_type})"

    async def _describe(self) -> Description:
        table = self.table
        try:
            every = {column.name: column for column in await read_columns(self.database, table)}
            declared = await read_declared(self.database, table)
        except RelationMissing as error:
            raise self._missing(error) from error
        names = [name for name in table.columns or every if name not in table.hidden]
        filters = names if table.filters is None else table.filters
        if unknown := {*names, *table.key_names, *filters} - every.keys():
            raise RelationMissing(f"The table {self.name!r} has no column {min(unknown)!r}.")
        key = tuple(every[name] for name in table.key_names)
        is_unique = self._is_unique(key, declared)
        visible = {name: every[name] for name in names}
        description = Description(
            visible,
            filters,
            pa.schema([]),
            key,
            is_unique and declared.not_null.issuperset(table.key_names),
            bool(key) and not is_unique and await self._repeats(declared),
            self.database.dialect == "duckdb" and declared.rows is not None,
        )
        empty = f"SELECT {self.select(names, description)} FROM {table.sql} AS described LIMIT 0"
        [batch] = await self.database.fetch(empty)
        return replace(description, schema=batch.schema)

    async def refusal(
        self, error: Exception, conditions: Collection[Condition], after: Mapping[str, str] | None
    ) -> Exception:
        """What to raise for a value that no column has: it names the parameter that has it.

        The error itself, where it was a value in the table. A table that has changed is described
        again for the next request.
        """
        if isinstance(error, RelationMissing):
            return self._missing(error)
        key = {column.name: column for column in (await self.describe()).key}
        values = [(parameter, column, value) for parameter, column, _, value in conditions]
        values += [("after", key[name], value) for name, value in (after or {}).items()]
        for parameter, column, value in values:
            try:
                await self.database.fetch(f"SELECT {self.cast(column, value)}")
            except BadValue:
                message = f"the database takes this for no {column.sql_type}"
                return RequestValidationError([{"loc": ("query", parameter), "msg": message}])
        return error

    def _is_unique(self, key: tuple[Column, ...], declared: Declared) -> bool:
        """DuckDB's indexes compare the bytes of a text, whatever its collation."""
        has_text = any(column.sql_type.startswith("VARCHAR") for column in key)
        if self.database.dialect == "duckdb" and has_text:
            return False
        return any(names.issubset(self.table.key_names) for names in declared.unique)

    async def _repeats(self, declared: Declared) -> bool:
        if declared.rows is None or declared.rows > MOST_ROWS_LOOKED_AT:
            return False
        names = ", ".join(map(quote, self.table.key_names))
        repeated = f"GROUP BY {names} HAVING count(*) > 1 LIMIT 1"
        [batch, *_] = await self.database.fetch(f"SELECT 1 FROM {self.table.sql} {repeated}")
        return len(batch) > 0

    def _missing(self, error: RelationMissing) -> RelationMissing:
        self.description = None
        if isinstance(error, RelationForbidden):
            return RelationForbidden(f"The database does not let its user read {self.name!r}.")
        return RelationMissing(f"The database has no table {self.name!r}, or not all of it.")


@cache
def served_tables() -> Mapping[str, ServedTable]:
    """Those of the environment, or else of `source.py`. May take time: a demo is made.

    Raises `ValueError` for a database of no kind that is known here.
    """
    settings = record_settings()
    tables = source.TABLES
    if settings.tables is not None:
        tables = {name: Table(name, key) for name, key in settings.tables.items()}
    if not tables:
        return {}
    url = settings.database_url.get_secret_value() if settings.database_url else None
    make_default = getattr(source, "default_database", lambda: None)
    database = Database(
        connector_of(url or make_default()),
        pool_size=settings.database_pool_size,
        timeout_seconds=settings.database_timeout_seconds,
    )
    return {name: ServedTable(name, table, database) for name, table in tables.items()}


def find_table(name: str, others: Collection[str]) -> ServedTable:
    """Raises a 404 that names the tables that there are, and the others."""
    tables = served_tables()
    if name not in tables:
        names = ", ".join([*others, *tables][:MOST_NAMES])
        raise HTTPException(404, f"No source {name[:MOST_LETTERS]!r}; there is {names}.")
    return tables[name]


class Readiness:
    """Whether all tables can be read, as `/readyz` asks; a busy database does not keep it waiting."""

    def __init__(self, tables: Collection[ServedTable]) -> None:
        self._tables = tables
        self._problems: list[str] = []
        self._checking: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Raises `NotReady`, which says of each table that cannot be read why.

        Where that takes long, what was true last counts.
        """
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())
        await asyncio.wait([self._checking], timeout=PATIENCE_SECONDS)
        if self._problems:
            raise health.NotReady(503, " ".join(self._problems))

    async def _check(self) -> None:
        problems = await asyncio.gather(*map(_problem_of, self._tables))
        self._problems = list(dict.fromkeys(filter(None, problems)))


async def _problem_of(table: ServedTable) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await table.check()
    except DatabaseUnavailable as error:
        return error.detail
    except TimeoutError:
        return "The database does not answer."
    return None


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[None, None]:
    """Know the tables while the app runs, as soon as the database can be reached."""
    tables = (await run_sync(served_tables)).values()
    readiness = Readiness(tables)
    with suppress(health.NotReady):
        await readiness.check()
    health.checks.append(readiness.check)
    watching = asyncio.create_task(_describe_all(tables))
    try:
        yield
    finally:
        watching.cancel()
        health.checks.remove(readiness.check)
        for table in tables:
            table.database.close()


async def _describe_all(tables: Collection[ServedTable]) -> None:
    """Until the database can be reached, OpenAPI does not have the columns of its tables."""
    for table in tables:
        while table.description is None:
            await asyncio.sleep(RETRY_SECONDS)
            with suppress(DatabaseUnavailable):
                await table.describe()
