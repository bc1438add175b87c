"""Columns that are not nested, in the forms that formats write."""

import pyarrow as pa
import pyarrow.compute as pc

from . import texts
from .settings import format_settings

PLAIN_TYPES = {
    pa.string_view(): pa.string(),
    pa.binary_view(): pa.binary(),
    pa.date64(): pa.date32(),
    pa.float16(): pa.float32(),
}
# Whose text arro3 writes as we do, where nothing is around them.
FAST = (*texts.BARE, *texts.STRINGS, *texts.BINARIES, pa.types.is_null)
LARGE_INTEGERS = (pa.int64(), pa.uint64())
# Seconds and days of which arro3 knows the date.
MOST_SECONDS = 8 * 10**12
MOST_DAYS = 9 * 10**7
# ADBC counts PostgreSQL's times from 1970, and what then is beyond the integer's range overflows.
DAYS_TO_2000 = 10_957
TO_2000 = {32: DAYS_TO_2000, 64: DAYS_TO_2000 * texts.DAY_SECONDS * 10**6}
# PostgreSQL's first day is in 4714 BC.
FIRST = {32: -2_500_000, 64: -2_500_000 * texts.DAY_SECONDS * 10**6}


def plain(column: pa.Array) -> pa.Array:
    """Instants in UTC, and in place of what few programs know its plain kind."""
    data_type = column.type
    if pa.types.is_timestamp(data_type):
        return _in_utc(column)
    return column.cast(PLAIN_TYPES[data_type]) if data_type in PLAIN_TYPES else column


def without_intervals(column: pa.Array) -> pa.Array:
    """The same as text where Parquet has no type for it."""
    return texts.as_text(column) if pa.types.is_interval(column.type) else plain(column)


def fast(column: pa.Array) -> pa.Array:
    """The same as text, but for what arro3 writes in the same form."""
    column = plain(column)
    return column if _is_fast(column) else texts.as_text(column)


def bare(column: pa.Array) -> pa.Array:
    """Numbers, truth values, and the rest as text."""
    column = plain(column)
    return column if any(kind(column.type) for kind in texts.BARE) else texts.as_text(column)


def fast_but_integers(column: pa.Array) -> pa.Array:
    return texts.as_text(column) if column.type in LARGE_INTEGERS else fast(column)


def bare_but_integers(column: pa.Array) -> pa.Array:
    return texts.as_text(column) if column.type in LARGE_INTEGERS else bare(column)


def key(column: pa.Array) -> pa.Array:
    return texts.as_text(plain(column))


def _is_fast(column: pa.Array) -> bool:
    data_type = column.type
    if isinstance(data_type, pa.BaseExtensionType):
        return False
    if any(is_kind(data_type) for is_kind in FAST):
        return True
    if pa.types.is_timestamp(data_type):
        most = MOST_SECONDS * texts.SECOND[data_type.unit]
    elif pa.types.is_date32(data_type):
        most = MOST_DAYS
    elif pa.types.is_time(data_type):
        most = texts.DAY_SECONDS * texts.SECOND[data_type.unit]
    else:
        return False
    counts = texts.integers(column)
    bounds = pc.min_max(counts).as_py()  # ty: ignore[missing-attribute]
    low, high = bounds["min"] or 0, bounds["max"] or 0
    return -min(most, texts.LARGEST[64]) < low and high < min(most, texts.LARGEST[64])


def _in_utc(column: pa.Array) -> pa.Array:
    """Without a zone it is in that of `RECORDS_NAIVE_TIME_ZONE`; infinity has none."""
    data_type = column.type
    in_utc = pa.timestamp(data_type.unit, "UTC")
    zone = format_settings().naive_time_zone
    if data_type.tz or zone == "UTC":
        return column if data_type == in_utc else column.view(pa.int64()).view(in_utc)
    counts = column.view(pa.int64())
    most = min(texts.LARGEST[64], MOST_SECONDS * texts.SECOND[data_type.unit])
    is_near = pc.less(pc.abs(counts), most)  # ty: ignore[missing-attribute]
    near = pc.if_else(is_near, counts, None).view(data_type)  # ty: ignore[missing-attribute]
    # Of two such times or none, as clocks are set back or forward: the earlier.
    at = pc.assume_timezone(near, zone, ambiguous="earliest", nonexistent="earliest")  # ty: ignore[missing-attribute]
    return pc.if_else(is_near, at.view(pa.int64()), counts).view(in_utc)  # ty: ignore[missing-attribute]


def mend(column: pa.Array) -> pa.Array:
    """PostgreSQL's infinities as DuckDB has them. Raises `ValueError` for a year that is lost."""
    data_type = column.type
    if not (pa.types.is_timestamp(data_type) or pa.types.is_date32(data_type)):
        return column
    counts, bits = texts.integers(column), data_type.bit_width
    overflown = pc.less(counts, FIRST[bits]).fill_null(False)  # ty: ignore[missing-attribute]
    if not overflown.true_count:
        return column
    largest = texts.LARGEST[bits]
    infinities = {TO_2000[bits] - largest - 2: largest, TO_2000[bits] - largest - 1: -largest}
    values = [infinities.get(value, value) for value in counts.to_pylist()]
    if any(value is not None and -largest < value < FIRST[bits] for value in values):
        raise ValueError("A time is later than any that Arrow has.")
    return pa.array(values, counts.type).view(data_type)
