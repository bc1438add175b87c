"""Python objects as rows of plain values, and as Arrow."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import orjson
import pyarrow as pa
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from ..inputs import plain
from .lines import escape_line_ends
from .settings import format_settings
from .texts import iso_duration

ARROW_TYPES = (bytes, date, datetime, time, timedelta, Decimal)
# In what a fast way makes of records: a time that does not end in `Z`.
OTHER_TIME = re.compile(rb"T..:..:..[0-9.]*[^Z.0-9]")
# What Pydantic and msgspec write in another form than the rest of the formats, or may.
OTHER_SCHEMAS = ("any", "bytes", "decimal", "is-instance", "timedelta")
OTHER_TYPES = ("AnyType", "BytesType", "CustomType", "DecimalType", "TimeDeltaType")
# What numpy makes bare numbers of.
FINER_TIMES = {"datetime64[ns]": "datetime64[us]", "timedelta64[ns]": "timedelta64[us]"}
MICROSECOND = timedelta(microseconds=1)
STRUCTS = msgspec.json.Encoder()
OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
CAREFUL_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME


def to_json_lines(records: Sequence[Any], *, integers_as_text: bool = False) -> bytes:
    """A line for each record, without a line end inside of it (RFC 8259 escapes them)."""
    records = plain(records)
    if integers_as_text:
        rows = msgspec.to_builtins(list(records), builtin_types=ARROW_TYPES, enc_hook=_to_plain)
        records = [_with_texts(row) for row in rows]
    return escape_line_ends(_to_json_lines(records))


def _with_texts(value: Any) -> Any:
    """Texts in place of integers."""
    if isinstance(value, dict):
        return {name: _with_texts(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_texts(inner) for inner in value]
    return str(value) if type(value) is int else value


def _to_json_lines(records: Sequence[Any]) -> bytes:
    types = {*map(type, records)}
    dump = (_own_json(types.pop()) if len(types) == 1 else None) or _dump
    if dump is _dump and format_settings().naive_time_zone != "UTC":
        return _dump(records, CAREFUL_OPTIONS)
    with suppress(TypeError):
        lines = dump(records)
        if not OTHER_TIME.search(lines):
            return lines
    return _dump(records, CAREFUL_OPTIONS)


def _dump(records: Sequence[Any], options: int = OPTIONS) -> bytes:
    return b"".join([orjson.dumps(record, _to_json, options) for record in records])


def to_arrow(records: Sequence[Any], schema: pa.Schema | None = None) -> pa.RecordBatch:
    """The records as a batch of `schema`; without one it is inferred from these records.

    Raises `ValueError` where a record has other fields than the first, or a value does not fit.
    """
    rows = msgspec.to_builtins(list(plain(records)), builtin_types=ARROW_TYPES, enc_hook=_to_plain)
    names = schema.names if schema else list(rows[0]) if rows else []
    fields = set(names)
    for row in rows:
        if [*row] != names and row.keys() != fields:
            raise ValueError(f"A record has the fields {list(row)}, where the first has {names}.")
    try:
        return pa.RecordBatch.from_pylist(rows, schema)
    except (pa.ArrowException, OverflowError) as error:
        raise ValueError(f"A record does not fit the first ones: {error}") from error


@cache
def _own_json(record_type: type) -> Callable[[Sequence[Any]], bytes] | None:
    """What makes lines of a type several times as fast, and the same but for time zones."""
    if issubclass(record_type, BaseModel):
        schema = str(record_type.__pydantic_core_schema__)
        if not any(f"'type': '{other}'" in schema for other in OTHER_SCHEMAS):
            to_json = record_type.__pydantic_serializer__.to_json
            return lambda records: b"\n".join([*map(to_json, records), b""])
    elif issubclass(record_type, msgspec.Struct):
        fields = str(msgspec.inspect.type_info(record_type))
        if not any(other in fields for other in OTHER_TYPES):
            return STRUCTS.encode_lines
    return None


def _naive_zone() -> tzinfo:
    name = format_settings().naive_time_zone
    return UTC if name == "UTC" else ZoneInfo(name)


def _to_plain(value: Any) -> Any:
    """What msgspec does not know."""
    if type(value).__name__ == "NAType":  # of pandas
        return None
    if isinstance(value, BaseModel):
        return value.__pydantic_serializer__.to_python(value)  # `model_dump`, at half its cost
    if isinstance(value, datetime):  # a subclass; that of pandas may be no time, unlike itself
        return datetime.combine(value.date(), value.timetz()) if value == value else None  # noqa: PLR0124
    if type(value).__module__ == "numpy":
        finer = FINER_TIMES.get(value.dtype.name)
        return (value.astype(finer) if finer else value).tolist()
    return to_jsonable_python(value)


def _to_json(value: Any) -> Any:
    """What orjson does not know, or would write in another form than Arrow columns have."""
    if type(value) is datetime:
        zoned = value if value.tzinfo else value.replace(tzinfo=_naive_zone())
        in_utc = zoned if zoned.tzinfo is UTC else zoned.astimezone(UTC)
        return f"{in_utc.replace(tzinfo=None).isoformat()}Z"
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value, builtin_types=ARROW_TYPES, enc_hook=_to_plain)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, timedelta):
        return iso_duration(value // MICROSECOND, 10**6)
    return _to_plain(value)
