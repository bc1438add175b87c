"""What OpenAPI says of a source's responses."""

from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from ...records.formats import Csv, JsonLines, NdJson
from .record_source import RecordSource

END_RECORD = {
    "type": "object",
    "required": ["@end"],
    "properties": {
        "@end": {
            "type": "object",
            "required": ["status", "records"],
            "properties": {
                "status": {"enum": ["complete", "error"]},
                "records": {"type": "integer", "description": "How many came before."},
                "cursor": {"type": "string", "description": "Where to resume."},
                "problem": {"type": "object", "description": "Why it ended early (RFC 9457)."},
            },
        }
    },
}


def describe_records(source: RecordSource) -> dict[str, Any]:
    """The 200 of OpenAPI; `model` describes `application/json` and brings the components."""
    record = _with_any_fields(source.record)
    reference = {"$ref": f"#/components/schemas/{record.__name__}"}
    items = {"anyOf": [reference, END_RECORD]}
    return {
        "description": "The records, in the order of their key",
        "model": list[record],  # ty: ignore[invalid-type-form]
        "content": {
            JsonLines.media_type: {"itemSchema": items},
            NdJson.media_type: {"itemSchema": items},
            Csv.media_type: {"schema": {"type": "string"}},
        },
    }


@cache
def _with_any_fields(record: type[BaseModel]) -> type[BaseModel]:
    """`?fields=` may leave any out, and `?cursors=true` adds one."""
    name = f"{record.__name__}Record"  # not that of a model which another route may have
    config = ConfigDict(title=name, json_schema_extra=_relax)
    return type(name, (record,), {"model_config": config, "__doc__": record.__doc__})


def _relax(schema: dict[str, Any]) -> None:
    schema.pop("required", None)
    schema["properties"]["@cursor"] = {"type": "string"}
