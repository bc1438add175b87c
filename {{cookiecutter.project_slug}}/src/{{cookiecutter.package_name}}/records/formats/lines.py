"""Arrow batches as lines of JSON."""

import io
import re

import pyarrow as pa
from arro3.io import write_ndjson

# No line ends in JSON, but for many who split lines (RFC 8259, section 7, lets them be escaped).
ESCAPED = {b"\xc2\x85": rb"\u0085", b"\xe2\x80\xa8": rb"\u2028", b"\xe2\x80\xa9": rb"\u2029"}
# One byte to begin with is found many times as fast as two: so the second is looked ahead for.
LINE_ENDS = (re.compile(rb"(\xe2(?=\x80)\x80[\xa8\xa9])"), re.compile(rb"(\xc2(?=\x85)\x85)"))


def to_json_lines(batch: pa.RecordBatch) -> bytes:
    """A line for each row of a batch that `columns.convert` has made."""
    buffer = io.BytesIO()
    write_ndjson(_compact(batch), buffer, explicit_nulls=True)
    return escape_line_ends(buffer.getvalue())


def escape_line_ends(lines: bytes) -> bytes:
    for line_end in LINE_ENDS:
        parts = line_end.split(lines)
        if len(parts) > 1:
            parts[1::2] = [ESCAPED[found] for found in parts[1::2]]
            lines = b"".join(parts)
    return lines


def as_json(column: pa.Array) -> pa.Array:
    """A nested column that `columns.convert` has made, as texts."""
    lines = to_json_lines(pa.RecordBatch.from_arrays([column], [""])).split(b"\n")[:-1]
    values = [line.removeprefix(b'{"":').removesuffix(b"}").decode() for line in lines]
    return pa.array([None if value == "null" else value for value in values], pa.string())


def _compact(batch: pa.RecordBatch) -> pa.RecordBatch:
    """arro3 panics over lists within the structs of a slice."""
    if not any(pa.types.is_nested(field.type) for field in batch.schema):
        return batch
    return batch.take(pa.array(range(len(batch)), pa.int32()))
