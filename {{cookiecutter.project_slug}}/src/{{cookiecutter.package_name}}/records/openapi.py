"""What OpenAPI says of paths whose parameters and records a database tells, once it does."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pyarrow as pa
from fastapi import FastAPI
from pydantic import BaseModel

from ..streaming.answers import STREAM_PROBLEMS, Kinds, Responses, problems
from ..streaming.problems import RESPONSES
from .database import DatabaseUnavailable
from .formats.columns import Unrepresentable
from .tables import Description

REFERENCE = "#/components/schemas/{model}"
TYPES: tuple[tuple[Callable[[pa.DataType], bool], dict[str, str]], ...] = (
    (pa.types.is_boolean, {"type": "boolean"}),
    (pa.types.is_integer, {"type": "integer"}),
    (pa.types.is_floating, {"type": "number"}),
    (pa.types.is_timestamp, {"type": "string", "format": "date-time"}),
    (pa.types.is_date, {"type": "string", "format": "date"}),
    (pa.types.is_map, {"type": "object"}),
    (pa.types.is_struct, {"type": "object"}),
    (pa.types.is_nested, {"type": "array"}),
)


# Text of each type, for examples.
TEXTS = {"date-time": "2026-01-01T00:00:01Z", "date": "2026-01-01"}
VALUES = {"boolean": True, "integer": 1, "number": 20.5, "object": {}, "array": []}
# What a stream of records may be refused with.
PROBLEMS: Kinds = {406: [Unrepresentable], 503: [DatabaseUnavailable]}


class Path(NamedTuple):
    """A path with its GET operation, and the components that the operation names."""

    path: str
    operation: dict[str, Any]
    components: dict[str, Any]


def add_paths(app: FastAPI, paths: Callable[[], Iterable[Path]]) -> None:
    """Let `app.openapi()` have these paths, as they are when it is asked."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        found = [*paths()]
        components = document.get("components", {})
        schemas = dict(components.get("schemas", {}))
        for each in found:
            schemas |= each.components
        return {
            **document,
            "paths": {
                **document["paths"],
                **{each.path: {"get": each.operation} for each in found},
            },
            "components": {**components, "schemas": schemas},
        }

    app.openapi = openapi


def operation(
    module: str, name: str, summary: str, parameters: type[BaseModel], answers: Responses
) -> dict[str, Any]:
    """A GET operation with a model's fields as its query parameters."""
    schema = parameters.model_json_schema(ref_template=REFERENCE)
    required = schema.get("required", ())
    return {
        "tags": [module],
        "summary": summary,
        "operationId": f"{module}_{name}",
        "parameters": [
            _parameter(parameter, of, is_required=parameter in required)
            for parameter, of in schema["properties"].items()
        ],
        "responses": {str(status): each for status, each in (answers | RESPONSES).items()},
    }


def _parameter(name: str, schema: dict[str, Any], *, is_required: bool) -> dict[str, Any]:
    known = {key: value for key, value in schema.items() if key not in {"title", "description"}}
    if known.get("default", ...) is None:  # which the rest of the schema forbids
        del known["default"]
    description = schema.get("description", "")
    about = {"name": name, "in": "query", "description": description, "required": is_required}
    return {**about, "schema": known}


def row_schema(description: Description) -> dict[str, Any]:
    """The JSON Schema of a row of a table; `?fields=` and `?columns=` may leave any column out."""
    return {
        "type": "object",
        "properties": {field.name: _schema_of(field.type) for field in description.schema},
    }


def _schema_of(data_type: pa.DataType) -> dict[str, Any]:
    """As the JSON formats write it; text where they have no form of their own. It may be NULL."""
    found = next((schema for is_type, schema in TYPES if is_type(data_type)), {"type": "string"})
    return {**found, "type": [found["type"], "null"]}


def example_of(schema: dict[str, Any]) -> Any:
    """A value of a JSON Schema; None where that would take more than its type."""
    kinds = schema.get("type", ())
    kind = next((each for each in ([kinds] if isinstance(kinds, str) else kinds)), None)
    if kind == "string":
        return TEXTS.get(schema.get("format", ""), "text")
    return VALUES.get(kind or "")


def example_row(record: dict[str, Any]) -> dict[str, Any]:
    return {name: example_of(schema) for name, schema in record["properties"].items()}


def record_problems(more: Kinds) -> Responses:
    """What a stream of records may be refused with."""
    return problems(STREAM_PROBLEMS, PROBLEMS, more)
