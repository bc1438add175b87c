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


@dataclass(frozen=True)
class Choice:
    parameters: Parameters

    def read(self) -> Any:
        """All rows, as `encode_batches` takes them."""
        raise NotImplementedError

    def read_on(self, after: Cursor) -> AsyncGenerator[tuple[Any, Cursor], None]:
        """Yield what lies behind a cursor, each item with the cursor behind it."""
        raise NotImplementedError

    async def count(self) -> int | None:
        """How many rows there are; `None` where only reading them tells."""
        return None

    def make_encoder(self) -> Encoder:
        return encoder_of(self.parameters)


@dataclass(frozen=True)
class SourceChoice(Choice):
    name: str

    def read(self) -> Any:
        return SOURCES[self.name].batches()

    async def read_on(self, after: Cursor) -> AsyncGenerator[tuple[Any, Cursor], None]:
        async with aclosing(read_items(self.read())) as items:
            async for item in items:
                yield item, None


@dataclass(frozen=True)
class TableChoice(Choice):
    parameters: TableParameters
    table: ServedTable
    conditions: Sequence[Condition]

    def read(self) -> Any:
        settings = batch_export_settings()
        return read_all(
            self.table,
            self.parameters.columns,
            self.conditions,
            batch_rows=settings.batch_rows,
            snapshot_seconds=settings.snapshot_seconds,
        )

    def read_on(self, after: Cursor) -> AsyncGenerator[tuple[Any, Cursor], None]:
        settings = batch_export_settings()
        return read_on(
            self.table,
            self.parameters.columns,
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
        return SourceChoice(parse(Parameters, query), name)
    table = find_table(name, SOURCES)
    model, conditions = table_parameters(table, await table.describe())
    parameters = parse(model, query)
    return TableChoice(parameters, table, asked(parameters, conditions))


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
