"""What OpenAPI says of each source and table."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ...records.formats import ArrowStream, Csv, JsonLines, Parquet
from ...records.openapi import REFERENCE, Path, operation, row_schema
from ...records.tables import served_tables
from .parameters import Parameters, table_parameters
from .source import SOURCES
from .transforms import result_of

SUMMARY = "Export a whole table as one file, written while it is sent."


def describe() -> Iterator[Path]:
    """The sources, and the tables that the database has described so far."""
    for name, source in SOURCES.items():
        schema = source.record.model_json_schema(mode="serialization", ref_template=REFERENCE)
        components = schema.pop("$defs", {})
        yield _path(name, Parameters, schema, components)
    for name, table in served_tables().items():
        if name not in SOURCES and table.description:
            description = result_of(name, table.description)
            parameters, _ = table_parameters(table, description)
            yield _path(name, parameters, row_schema(description), {})


def _path(
    name: str, parameters: type[Parameters], row: dict[str, Any], components: dict[str, Any]
) -> Path:
    binary: dict[str, Any] = {"schema": {}}
    ok = {
        "description": "The table as a file",
        "content": {
            Csv.media_type: {"schema": {"type": "string"}},
            JsonLines.media_type: {"itemSchema": row},
            Parquet.media_type: binary,
            ArrowStream.media_type: binary,
        },
    }
    path = f"/exports/{quote(name, safe='')}"
    return Path(path, operation("batch_export", name, SUMMARY, parameters, ok), components)
