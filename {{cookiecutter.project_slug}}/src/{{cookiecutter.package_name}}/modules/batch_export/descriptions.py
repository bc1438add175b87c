"""What OpenAPI says of each source and table."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ...records.formats import ArrowStream, Csv, JsonLines, Parquet
from ...records.openapi import REFERENCE, Path, example_row, operation, record_problems, row_schema
from ...records.tables import served_tables
from ...streaming.answers import OF_STREAMS, headers, on_the_wire
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
    example = example_row(row)
    csv = f"{','.join(example)}\n{','.join(map(str, example.values()))}\n"
    ok = {
        "description": "The table as a file",
        "headers": headers(*OF_STREAMS, "Content-Disposition", "Formula-Guard"),
        "content": {
            Csv.media_type: {"schema": {"type": "string"}, **on_the_wire(table=csv)},
            JsonLines.media_type: {
                "itemSchema": row,
                **on_the_wire(table=f"{json.dumps(example)}\n"),
            },
            Parquet.media_type: binary,
            ArrowStream.media_type: binary,
        },
    }
    answers = {200: ok, **record_problems({})}
    path = f"/exports/{quote(name, safe='')}"
    return Path(path, operation("batch_export", name, SUMMARY, parameters, answers), components)
