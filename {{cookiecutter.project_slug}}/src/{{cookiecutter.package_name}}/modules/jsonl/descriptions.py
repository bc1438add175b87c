"""What OpenAPI says of each source and table."""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from ...records.formats import Csv, JsonArray, JsonLines, NdJson
from ...records.openapi import Path, operation
from .offers import Offer

SUMMARY = "Stream records in the format that `Accept` or `?format=` asks for."

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


def describe(offers: Iterable[Offer]) -> Iterator[Path]:
    for offer in offers:
        record = dict(offer.record)
        components = record.pop("$defs", {})
        yield Path(
            f"/records/{quote(offer.name, safe='')}",
            operation("jsonl", offer.name, SUMMARY, offer.parameters, _records(record)),
            components,
        )


def _records(record: dict[str, Any]) -> dict[str, Any]:
    """`?fields=` may leave any field out, and `?cursors=true` adds one."""
    properties = {**record["properties"], "@cursor": {"type": "string"}}
    record = {**record, "properties": properties}
    record.pop("required", None)
    items = {"itemSchema": {"anyOf": [record, END_RECORD]}}
    return {
        "description": "The records, in the order of their key",
        "content": {
            JsonLines.media_type: items,
            NdJson.media_type: items,
            JsonArray.media_type: {"schema": {"type": "array", "items": record}},
            Csv.media_type: {"schema": {"type": "string"}},
        },
    }
