"""What a request may name behind `/records/`: a source, or a table of the database."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from ...records.filters import Conditions
from ...records.openapi import REFERENCE, row_schema
from ...records.tables import Description, ServedTable, find_table, served_tables
from .cursors import Cursors
from .parameters import (
    Parameters,
    source_parameters,
    source_query,
    table_parameters,
    table_query,
)
from .record_source import RecordQuery, RecordSource
from .source import SOURCES
from .table_source import TableRecords


@dataclass(frozen=True)
class Offer:
    """A source by its name, its cursors, the parameters that it takes, and a record's JSON Schema.

    `conditions` are the filters of a table.
    """

    name: str
    source: RecordSource
    cursors: Cursors
    parameters: type[Parameters]
    record: dict[str, Any]
    conditions: Conditions | None = None

    def query(self, parameters: Parameters) -> RecordQuery:
        if self.conditions is None:
            return source_query(self.source, parameters)
        return table_query(parameters, self.conditions)


async def find_offer(name: str) -> Offer:
    """Raises a 404 with the names that there are, and `DatabaseUnavailable`."""
    if name in SOURCES:
        return _offer_source(name, SOURCES[name])
    table = find_table(name, SOURCES)
    return _offer_table(table, await table.describe())


def known_offers() -> Iterator[Offer]:
    """The sources, and the tables that the database has described so far."""
    for name, source in SOURCES.items():
        yield _offer_source(name, source)
    for name, table in served_tables().items():
        if name not in SOURCES and table.description:
            yield _offer_table(table, table.description)


@cache
def _offer_source(name: str, source: RecordSource) -> Offer:
    cursors = Cursors(name, source.record.model_fields[source.key].annotation)
    record = source.record.model_json_schema(mode="serialization", ref_template=REFERENCE)
    return Offer(name, source, cursors, source_parameters(name, source, cursors), record)


@lru_cache(1024)
def _offer_table(table: ServedTable, description: Description) -> Offer:
    cursors = Cursors(table.name, table.table.key_names)
    parameters, conditions = table_parameters(table, description, cursors)
    record = row_schema(description)
    return Offer(table.name, TableRecords(table), cursors, parameters, record, conditions)
