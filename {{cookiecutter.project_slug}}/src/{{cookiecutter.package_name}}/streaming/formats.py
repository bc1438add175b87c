"""Arrow record batches as bytes: one encoder for each format.

Every encoder is used once: `start`, `encode` for each batch, then `end` or `fail`. Each returns
the bytes to send now. Values have one text form everywhere: timestamps are RFC 3339 in UTC, a
float that is not finite is `null` in JSON and `NaN`, `inf` or `-inf` in CSV.
"""

import io
import json
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from arro3.io import write_csv, write_ndjson

from .problems import Problem

# A spreadsheet runs a cell that begins with one of these as a formula (OWASP, CSV injection).
FORMULA = r"^([=+\-@\t\r])"
TEXT_TYPES = (pa.types.is_string, pa.types.is_large_string)


class Encoder:
    """What all formats share: a name, a media type, and nothing to say at either end."""

    name: ClassVar[str]
    media_type: ClassVar[str]

    def start(self, schema: pa.Schema) -> bytes:
        return b""

    def encode(self, batch: pa.RecordBatch) -> bytes:
        raise NotImplementedError

    def end(self, records: int) -> bytes:
        """The bytes that only a complete stream has; `records` is the count of the whole."""
        return b""

    def fail(self, records: int, problem: Problem) -> bytes:
        """The bytes that say why the stream ends early; the connection is aborted after them."""
        return b""


class JsonLines(Encoder):
    """JSON Lines, UTF-8, `\\n` after each record (jsonlines.org).

    With `end_record` the last line is the end record, so that a reader can tell a complete stream
    from one that was cut off: `{"@end": {"status": "complete", "records": 3}}`.
    """

    name = "jsonl"
    media_type = "application/jsonl"

    def __init__(self, *, end_record: bool = False) -> None:
        self.end_record = end_record

    def encode(self, batch: pa.RecordBatch) -> bytes:
        return _json_lines(batch)

    def end(self, records: int) -> bytes:
        return self._end_line({"status": "complete", "records": records})

    def fail(self, records: int, problem: Problem) -> bytes:
        reason = problem.model_dump(exclude_none=True)
        return self._end_line({"status": "error", "records": records, "problem": reason})

    def _end_line(self, end: dict[str, object]) -> bytes:
        return json.dumps({"@end": end}).encode() + b"\n" if self.end_record else b""


class NdJson(JsonLines):
    name = "ndjson"
    media_type = "application/x-ndjson"


class JsonArray(Encoder):
    """One JSON array (RFC 8259). Its closing bracket comes last: without it nothing parses."""

    name = "json"
    media_type = "application/json"

    def __init__(self) -> None:
        self._separator = b""

    def start(self, schema: pa.Schema) -> bytes:
        return b"["

    def encode(self, batch: pa.RecordBatch) -> bytes:
        if not batch.num_rows:
            return b""
        # JSON escapes line feeds inside of strings, so each one here stands between two records.
        array = self._separator + _json_lines(batch).rstrip(b"\n").replace(b"\n", b",\n")
        self._separator = b",\n"
        return array

    def end(self, records: int) -> bytes:
        return b"]\n"


class Csv(Encoder):
    """CSV, UTF-8, with a header line (RFC 4180, but for lines that end in `\\n`).

    It has no way to say that it is complete. Text that a spreadsheet would run as a formula gets
    an apostrophe before it.
    """

    name = "csv"
    media_type = "text/csv"

    def start(self, schema: pa.Schema) -> bytes:
        return _csv(pa.RecordBatch.from_pylist([], schema=schema), header=True)

    def encode(self, batch: pa.RecordBatch) -> bytes:
        return _csv(_without_formulas(batch), header=False)


class _ArrowFile(Encoder):
    """A format with its own footer, written by pyarrow."""

    def __init__(self) -> None:
        self._sink = _Sink()

    def start(self, schema: pa.Schema) -> bytes:
        self._writer = self._open(schema)
        return self._sink.take()

    def encode(self, batch: pa.RecordBatch) -> bytes:
        self._writer.write_batch(batch)
        return self._sink.take()

    def end(self, records: int) -> bytes:
        self._writer.close()
        return self._sink.take()

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter | pa.ipc.RecordBatchStreamWriter:
        raise NotImplementedError


class Parquet(_ArrowFile):
    """Apache Parquet with Zstandard, a row group for each batch; unreadable without its footer."""

    name = "parquet"
    media_type = "application/vnd.apache.parquet"

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        return pq.ParquetWriter(self._sink, schema, compression="zstd")


class ArrowStream(_ArrowFile):
    """The Arrow IPC streaming format; only `end` writes its end-of-stream marker."""

    name = "arrow"
    media_type = "application/vnd.apache.arrow.stream"

    def _open(self, schema: pa.Schema) -> pa.ipc.RecordBatchStreamWriter:
        return pa.ipc.new_stream(self._sink, schema)


class _Sink(io.RawIOBase):
    """A file without an end: what is written is taken away, and the position goes on."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        chunk = bytes(data)
        self._chunks.append(chunk)
        self._position += len(chunk)
        return len(chunk)

    def take(self) -> bytes:
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken


def _json_lines(batch: pa.RecordBatch) -> bytes:
    _check_times(batch)
    buffer = io.BytesIO()
    write_ndjson(batch, buffer, explicit_nulls=True)
    return buffer.getvalue()


def _check_times(batch: pa.RecordBatch) -> None:
    """Raises `ValueError` or `OverflowError` for a time that has no date in RFC 3339.

    arro3 would write the text of its own error in its place.
    """
    for column in batch.columns:
        if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
            pc.min_max(column).as_py()  # ty: ignore[missing-attribute]


def _csv(batch: pa.RecordBatch, *, header: bool) -> bytes:
    buffer = io.BytesIO()
    write_csv(batch, buffer, header=header)
    return buffer.getvalue()


def _without_formulas(batch: pa.RecordBatch) -> pa.RecordBatch:
    for index, field in enumerate(batch.schema):
        column = batch.column(index)
        if pa.types.is_dictionary(field.type):
            column = column.dictionary_decode()
        if any(is_text(column.type) for is_text in TEXT_TYPES):
            # pyarrow makes this function when it is imported.
            guard = pc.replace_substring_regex  # ty: ignore[missing-attribute]
            guarded = guard(column, pattern=FORMULA, replacement=r"'\1")
            batch = batch.set_column(index, field.name, guarded)
    return batch
