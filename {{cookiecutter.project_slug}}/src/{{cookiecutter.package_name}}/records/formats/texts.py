"""The one text form of each value that JSON has no type for; `__init__.py` has the table."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
DAY_SECONDS = 86_400
# The calendar repeats itself, and `date` has no years before 1 or after 9999.
CYCLE_DAYS, CYCLE_YEARS = 146_097, 400
EPOCH_DAYS = date(1970, 1, 1).toordinal() - 1
LAST_YEAR = 9999
COUNTS = {32: pa.int32(), 64: pa.int64()}
# DuckDB's infinities, and what PostgreSQL's become here: the ends of the integer's range.
LARGEST = {32: 2**31 - 1, 64: 2**63 - 1}
BARE = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
STRINGS = (pa.types.is_string, pa.types.is_large_string)
BINARIES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)


class NoTextForm(TypeError):
    """Its argument is the Arrow type that nothing is known of."""


def as_text(column: pa.Array) -> pa.Array:
    """Strings in place of values that are not nested. Raises `NoTextForm`."""
    if isinstance(column.type, pa.BaseExtensionType):
        return _of_extension(column)
    for is_kind, write in WRITERS:
        if is_kind(column.type):
            return write(column)
    raise NoTextForm(column.type)


def integers(column: pa.Array) -> pa.Array:
    """What times are counted in."""
    return column.view(COUNTS[column.type.bit_width])


def iso_date(days: int) -> str:
    """RFC 3339; years that it does not have are signed, as in ISO 8601: 44 BC is -0043."""
    cycles, rest = divmod(days + EPOCH_DAYS, CYCLE_DAYS)
    day = date.fromordinal(rest + 1)
    year = day.year + CYCLE_YEARS * cycles
    return (f"{year:04d}" if 0 <= year <= LAST_YEAR else f"{year:+05d}") + day.isoformat()[4:]


def iso_time(count: int, per_second: int) -> str:
    seconds, fraction = divmod(count, per_second)
    minutes, second = divmod(seconds, 60)
    digits = f"{fraction * (10**9 // per_second):09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    text = f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
    return f"{text}.{digits}" if digits else text


def iso_interval(months: int, days: int, nanoseconds: int) -> str:
    """ISO 8601; each part has its own sign, as PostgreSQL writes it."""
    sign = "-" if nanoseconds < 0 else ""
    seconds, fraction = divmod(abs(nanoseconds), 10**9)
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    time = f"T{sign}{seconds}{digits}S" if nanoseconds else ""
    parts = (f"{months}M" if months else "") + (f"{days}D" if days else "") + time
    return f"P{parts or 'T0S'}"


def iso_duration(count: int, per_second: int) -> str:
    """Days of 24 hours and seconds, both of one sign."""
    sign = -1 if count < 0 else 1
    days, rest = divmod(abs(count), DAY_SECONDS * per_second)
    return iso_interval(0, sign * days, sign * rest * (10**9 // per_second))


def _writer(data_type: pa.DataType) -> Callable[[int], str]:
    largest = LARGEST[data_type.bit_width]
    infinities = {largest: "infinity", -largest: "-infinity"}
    if pa.types.is_date(data_type):
        return lambda days: infinities.get(days) or iso_date(days)
    per_second = SECOND[data_type.unit]
    if pa.types.is_duration(data_type):
        return lambda count: iso_duration(count, per_second)
    if pa.types.is_time(data_type):
        return lambda count: iso_time(count, per_second)

    def write(count: int) -> str:
        days, time = divmod(count, DAY_SECONDS * per_second)
        return infinities.get(count) or f"{iso_date(days)}T{iso_time(time, per_second)}Z"

    return write


def _of_extension(column: pa.Array) -> pa.Array:
    name = column.type.extension_name
    if name == "arrow.uuid":
        return _map(column.storage, lambda value: str(UUID(bytes=value)))
    if any(
        is_text(column.type.storage_type) for is_text in STRINGS
    ):  # JSON, and PostgreSQL's numeric
        return column.storage
    raise NoTextForm(column.type)


def _decimals(column: pa.Array) -> pa.Array:
    """All digits: Arrow's own text of a small number has an exponent."""
    texts = column.cast(pa.string())
    if not pc.any(pc.match_substring(texts, "E")).as_py():  # ty: ignore[missing-attribute]
        return texts
    return _map(column, lambda value: format(value, "f"))


def _map(column: pa.Array, write: Callable[[Any], str]) -> pa.Array:
    texts = [None if value is None else write(value) for value in column.to_pylist()]
    return pa.array(texts, pa.string())


def _times(column: pa.Array) -> pa.Array:
    return _map(integers(column), _writer(column.type))


WRITERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    *((is_text, lambda column: column) for is_text in (*STRINGS, pa.types.is_null)),
    *((is_bare, lambda column: column.cast(pa.string())) for is_bare in BARE),
    *((is_binary, lambda column: _map(column, bytes.hex)) for is_binary in BINARIES),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_interval, lambda column: _map(column, lambda value: iso_interval(*value))),
    (pa.types.is_temporal, _times),
)
