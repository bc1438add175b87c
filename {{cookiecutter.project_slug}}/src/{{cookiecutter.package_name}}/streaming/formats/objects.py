"""Python objects as rows of plain values, and as Arrow."""

from collections.abc import Sequence
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
OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME


def to_json_line(record: Any) -> bytes:
    if isinstance(record, BaseModel) and _model_has_our_forms(type(record)):
        return record.__pydantic_serializer__.to_json(record) + b"\n"
    if isinstance(record, msgspec.Struct) and _struct_has_our_forms(type(record)):
        return msgspec.json.encode(record) + b"\n"
    return orjson.dumps(record, _to_json, OPTIONS)


def to_arrow(records: Sequence[Any], schema: pa.Schema | None = None) -> pa.RecordBatch:
    """The records as a batch of `schema`; without one it is inferred from these records.

    Raises `ValueError` where a record has other fields than the first, or a value does not fit.
    """
    rows = msgspec.to_builtins(list(records), builtin_types=ARROW_TYPES, enc_hook=_to_plain)
    names = schema.names if schema else list(rows[0]) if rows else []
    for row in rows:
        if list(row) != names:
            raise ValueError(f"A record has the fields {list(row)}, where the first has {names}.")
    try:
        return pa.RecordBatch.from_pylist(rows, schema)
    except (pa.ArrowException, OverflowError) as error:
        raise ValueError(f"A record does not fit the first ones: {error}") from error


@cache
def _model_has_our_forms(model: type[BaseModel]) -> bool:
    """Whether the JSON that Pydantic itself makes is as ours: it is several times as fast.

    It is not for times (they keep their offset), for bytes, and where a field can be anything.
    """
    schema = str(model.__pydantic_core_schema__)
    others = ("any", "bytes", "datetime", "decimal", "is-instance")
    return not any(f"'type': '{other}'" in schema for other in others)


@cache
def _struct_has_our_forms(struct: type[msgspec.Struct]) -> bool:
    """The same for what msgspec makes."""
    fields = str(msgspec.inspect.type_info(struct))
    others = ("Any", "Bytes", "Custom", "DateTime", "Decimal")
    return not any(f"{other}Type" in fields for other in others)


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
