"""Arrow batches as lines of JSON."""

import io

import pyarrow as pa
from arro3.io import write_ndjson

# No line ends in JSON, but for many who split lines (RFC 8259, section 7, lets them be escaped).
LINE_ENDS = {b"\xc2\x85": rb"\u0085", b"\xe2\x80\xa8": rb"\u2028", b"\xe2\x80\xa9": rb"\u2029"}


def to_json_lines(batch: pa.RecordBatch) -> bytes:
    """A line for each row of a batch that `columns.convert` has made."""
    buffer = io.BytesIO()
    write_ndjson(_compact(batch), buffer, explicit_nulls=True)
    return escape_line_ends(buffer.getvalue())


def escape_line_ends(lines: bytes) -> bytes:
    for line_end, escaped in LINE_ENDS.items():
        if line_end[-1:] in lines and line_end in lines:  # one byte is found many times as fast
            lines = lines.replace(line_end, escaped)
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
