"""Python objects as rows of plain values, and as Arrow."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import orjson
import pyarrow as pa
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

ARROW_TYPES = (bytes, date, datetime, time, timedelta, Decimal)
# In what others make of a record: a time that does not end in `Z`.
OTHER_TIME = re.compile(rb"T..:..:..[0-9.]*[^Z.0-9]")
# What Pydantic and msgspec write in another form than the rest of the formats, or may.
OTHER_SCHEMAS = ("any", "bytes", "decimal", "is-instance")
OTHER_TYPES = ("AnyType", "BytesType", "CustomType", "DecimalType")
STRUCTS = msgspec.json.Encoder()
OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME


def to_json_lines(records: Sequence[Any]) -> bytes:
    """A line for each record, without a line feed inside of it (RFC 8259 escapes them)."""
    record_type = type(records[0]) if records else None
    if record_type and _is_plain_struct(record_type) and {*map(type, records)} == {record_type}:
        lines = STRUCTS.encode_lines(records)
        if not OTHER_TIME.search(lines):
            return lines
    return b"".join(map(to_json_line, records))


def to_json_line(record: Any) -> bytes:
    if own_json := _own_json(type(record)):
        line = own_json(record)
        if not OTHER_TIME.search(line):
            return line + b"\n"
    return orjson.dumps(record, _to_json, OPTIONS)


def to_arrow(records: Sequence[Any], schema: pa.Schema | None = None) -> pa.RecordBatch:
    """The records as a batch of `schema`; without one it is inferred from these records.

    Raises `ValueError` where a record has other fields than the first, or a value does not fit.
    """
    rows = msgspec.to_builtins(list(records), builtin_types=ARROW_TYPES, enc_hook=_to_plain)
    names = schema.names if schema else list(rows[0]) if rows else []
    for row in rows:
        if row.keys() != set(names):
            raise ValueError(f"A record has the fields {list(row)}, where the first has {names}.")
    try:
        return pa.RecordBatch.from_pylist(rows, schema)
    except (pa.ArrowException, OverflowError) as error:
        raise ValueError(f"A record does not fit the first ones: {error}") from error


@cache
def _own_json(record_type: type) -> Callable[[Any], bytes] | None:
    """What makes the JSON of a type several times as fast as we, and the same but for time zones."""
    if issubclass(record_type, BaseModel):
        schema = str(record_type.__pydantic_core_schema__)
        if not any(f"'type': '{other}'" in schema for other in OTHER_SCHEMAS):
            return record_type.__pydantic_serializer__.to_json
    elif _is_plain_struct(record_type):
        return STRUCTS.encode
    return None


@cache
def _is_plain_struct(record_type: type) -> bool:
    if not issubclass(record_type, msgspec.Struct):
        return False
    fields = str(msgspec.inspect.type_info(record_type))
    return not any(other in fields for other in OTHER_TYPES)


def _to_plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else to_jsonable_python(value)


def _to_json(value: Any) -> Any:
    """What orjson does not know, or would write in another form than Arrow columns have."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, datetime):
        in_utc = value if value.tzinfo in {None, UTC} else value.astimezone(UTC)
        return f"{in_utc.replace(tzinfo=None).isoformat()}Z"
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value, builtin_types=ARROW_TYPES, enc_hook=_to_plain)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return format(value, "f")
    return to_jsonable_python(value)
