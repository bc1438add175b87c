"""What a request chooses: a table or a source, its columns and filters, and a format."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from ...records.exports import read_all
from ...records.filters import asked, parse
from ...records.formats import ArrowStream, Csv, Encoder, JsonLines, Parquet
from ...records.inputs import read_items
from ...records.resuming import Cursor, count_rows, read_on
from ...records.tables import Condition, ServedTable, find_table
from .parameters import Parameters, TableParameters, table_parameters
from .settings import batch_export_settings
from .source import SOURCES
from .transforms import Rows, result_of, transform_of, transformed


@dataclass(frozen=True)
class Choice:
    name: str
    parameters: Parameters

    def read(self) -> Any:
        """All rows, as `encode_batches` takes them."""
        if transform_of(self.name) is None:
            return self._read()
        return _items(self._transformed(_rows(self._read())))

    def read_on(self, after: Cursor) -> Rows:
        """Yield what lies behind a cursor, each item with the cursor behind it."""
        return self._transformed(self._read_on(after))

    def _transformed(self, rows: Rows) -> Rows:
        transform = transform_of(self.name)
        return transformed(rows, transform, self._columns()) if transform else rows

    def _columns(self) -> Sequence[str]:
        """Those that were asked for; none: all of them."""
        return ()

    def _read(self) -> Any:
        raise NotImplementedError

    def _read_on(self, after: Cursor) -> Rows:
        raise NotImplementedError

    async def count(self) -> int | None:
        """How many rows there are; `None` where only reading them tells."""
        return None

    def make_encoder(self) -> Encoder:
        return encoder_of(self.parameters)


@dataclass(frozen=True)
class SourceChoice(Choice):
    def _read(self) -> Any:
        return SOURCES[self.name].batches()

    def _read_on(self, after: Cursor) -> Rows:
        return _rows(self._read())


@dataclass(frozen=True)
class TableChoice(Choice):
    parameters: TableParameters
    table: ServedTable
    conditions: Sequence[Condition]
    read_columns: Sequence[str]

    def _columns(self) -> Sequence[str]:
        return self.parameters.columns

    def _read(self) -> Any:
        settings = batch_export_settings()
        return read_all(
            self.table,
            self.read_columns,
            self.conditions,
            batch_rows=settings.batch_rows,
            snapshot_seconds=settings.snapshot_seconds,
        )

    def _read_on(self, after: Cursor) -> Rows:
        settings = batch_export_settings()
        return read_on(
            self.table,
            self.read_columns,
            self.conditions,
            after,
            settings.batch_rows,
            settings.snapshot_seconds,
        )

    async def count(self) -> int:
        return await count_rows(self.table, self.conditions)


async def choose(name: str, query: QueryParams) -> Choice:
    """Raises a 404, `RequestValidationError`, and `DatabaseUnavailable`."""
    if name in SOURCES:
        return SourceChoice(name, parse(Parameters, query))
    table = find_table(name, SOURCES)
    description = await table.describe()
    model, conditions = table_parameters(table, result_of(name, description))
    parameters = parse(model, query)
    # A transform has all columns, also those that it is not asked for.
    read_columns = [*description.columns] if transform_of(name) else parameters.columns
    return TableChoice(name, parameters, table, asked(parameters, conditions), read_columns)


async def _rows(items: Any) -> Rows:
    async with aclosing(read_items(items)) as found:
        async for item in found:
            yield item, None


async def _items(rows: Rows) -> AsyncGenerator[Any, None]:
    async with aclosing(rows):
        async for item, _ in rows:
            yield item


def encoder_of(parameters: Parameters) -> Encoder:
    match parameters.format:
        case "csv":
            return Csv()
        case "jsonl":
            return JsonLines(end_record=parameters.end)
        case "parquet":
            return Parquet(compression=parameters.compression or "zstd")
        case "arrow":
            return ArrowStream(compression=parameters.compression or "none")
