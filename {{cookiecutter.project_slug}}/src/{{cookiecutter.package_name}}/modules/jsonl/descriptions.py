"""What OpenAPI says of each source and table."""

import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException

from ...records.formats import Csv, JsonArray, JsonLines, NdJson
from ...records.openapi import Path, example_row, operation, record_problems
from ...records.pages import KeyProblem
from ...streaming.answers import OF_STREAMS, Responses, headers, on_the_wire
from .offers import Offer

SUMMARY = "Stream records in the format that `Accept` or `?format=` asks for."

OF_RECORDS = ("Content-Disposition", "Content-Language", "Formula-Guard", "X-Content-Type-Options")
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
            operation("jsonl", offer.name, SUMMARY, offer.parameters, _answers(record)),
            components,
        )


def _answers(record: dict[str, Any]) -> Responses:
    return {200: _records(record), **record_problems({406: [HTTPException], 409: [KeyProblem]})}


def _records(record: dict[str, Any]) -> dict[str, Any]:
    """`?fields=` may leave any field out, and `?cursors=true` adds one."""
    row = example_row(record)
    line = f"{json.dumps(row)}\n"
    end = json.dumps({"@end": {"status": "complete", "records": 1}})
    lines = on_the_wire(records=line, with_end=f"{line}{end}\n")
    array = on_the_wire(records=f"[{line[:-1]}]\n")
    csv = f"{','.join(row)}\n{','.join(map(str, row.values()))}\n"
    properties = {**record["properties"], "@cursor": {"type": "string"}}
    record = {**record, "properties": properties}
    record.pop("required", None)
    items = {"itemSchema": {"anyOf": [record, END_RECORD]}, **lines}
    return {
        "description": "The records, in the order of their key",
        "headers": headers(*OF_STREAMS, *OF_RECORDS),
        "content": {
            JsonLines.media_type: items,
            NdJson.media_type: items,
            JsonArray.media_type: {"schema": {"type": "array", "items": record}, **array},
            Csv.media_type: {"schema": {"type": "string"}, **on_the_wire(records=csv)},
        },
    }
