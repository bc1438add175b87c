import io
from collections.abc import Iterator
from functools import partial
from math import isqrt
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from . import columns, objects
from .encoder import Batch, Encoder

ROWS_PER_BATCH = 2_000
# The first row group is not waited for; small ones make a file half as large again.
FIRST_GROUP_BYTES = 256 * 1024
GROUP_BYTES = 4 * 1024 * 1024
# What pyarrow keeps of each column of each row group until the footer is written.
GROUP_BYTES_KEPT = 1024
# Of each physical type; the others have a dictionary.
FLOATS = "BYTE_STREAM_SPLIT"
ENCODINGS: dict[str, str | None] = {
    "INT32": "DELTA_BINARY_PACKED",
    "INT64": "DELTA_BINARY_PACKED",
    "FLOAT": FLOATS,
    "DOUBLE": FLOATS,
}
# Of the floats in the first group: with more, a dictionary would outgrow what it saves.
MOST_DISTINCT = 0.8
ZSTD_LEVEL = 1
# Within the file: each page of Parquet, each buffer of Arrow.
Compression = Literal["none", "lz4", "zstd"]


class _BinaryEncoder(Encoder):
    """A format with its own footer, written by pyarrow.

    Objects are collected into batches of 2,000; the first one tells the schema. Where it cannot
    (a field that is `None` throughout), let the source yield Arrow batches.
    """

    forms: ClassVar[columns.Forms]

    def __init__(self) -> None:
        self._sink = _Sink()
        self._writer: pq.ParquetWriter | pa.ipc.RecordBatchStreamWriter | None = None
        self._schema: pa.Schema | None = None
        self._objects: list[Any] = []
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0
        self._bytes_written = 0

    def prepare(self, batch: Batch) -> Any:
        return self._convert(batch) if isinstance(batch, pa.RecordBatch) else batch

    def write(self, batch: Batch) -> bytes:
        if isinstance(batch, pa.RecordBatch):
            self._add(batch)
        else:
            self._objects.extend(batch)
            if len(self._objects) >= ROWS_PER_BATCH:
                self._add_objects()
        return self._sink.take()

    def end(self, records: int) -> bytes:
        if self._objects:
            self._add_objects()
        if self._batches:
            self._write_group()
        if self._writer is None:
            raise ValueError("A stream without a batch has no schema; yield an empty Arrow batch.")
        self._writer.close()
        return self._sink.take()

    def _add_objects(self) -> None:
        self._add(self._convert(objects.to_arrow(self._objects, self._schema)))
        self._objects.clear()

    def _convert(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Raises `ValueError` for decimals of more digits than their type says."""
        made = columns.convert(batch, self.forms)
        for column, field in zip(made.columns, made.schema, strict=True):
            try:
                column.validate(full=pa.types.is_decimal(field.type))
            except pa.ArrowInvalid as error:
                raise ValueError(f"The column {field.name!r} ({field.type}): {error}") from error
        return made

    def _add(self, batch: pa.RecordBatch) -> None:
        self._schema = self._schema or batch.schema
        self._batches.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= self._group_bytes():
            self._write_group()

    def _write_group(self) -> None:
        if self._writer is None:
            self._writer = self._open(self._batches[0].schema)
        self._writer.write_table(pa.Table.from_batches(self._batches))
        self._batches.clear()
        self._bytes_written += self._bytes
        self._bytes = 0

    def _group_bytes(self) -> int:
        """Batches of less are collected, and then written together."""
        return 0

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter | pa.ipc.RecordBatchStreamWriter:
        raise NotImplementedError


class Parquet(_BinaryEncoder):
    """Apache Parquet with Zstandard; unreadable without its footer.

    A row group is in memory as a whole, for each reader, and so is what the footer will say of all
    groups. Groups have 4 MiB; in a file of more than some gigabytes they get larger, so that neither
    outgrows the other. Integers and times are encoded by their differences, and floats by what
    suits those of the first group.
    """

    name = "parquet"
    media_type = "application/vnd.apache.parquet"
    in_thread = True
    forms = columns.PARQUET

    def __init__(self, *, compression: Compression = "zstd") -> None:
        super().__init__()
        self._compression = compression

    def _group_bytes(self) -> int:
        if not self._bytes_written:
            return FIRST_GROUP_BYTES
        kept = GROUP_BYTES_KEPT * len(self._batches[0].schema)
        return max(GROUP_BYTES, isqrt(kept * self._bytes_written))

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        leaves = [leaf for field in schema for leaf in _leaves(field)]
        encodings = {
            leaf.path: ENCODINGS[leaf.physical_type]
            for leaf in leaves
            if leaf.physical_type in ENCODINGS
        }
        first_group = pa.Table.from_batches(self._batches)
        for column, field in zip(first_group.columns, schema, strict=True):
            if encodings.get(field.name) == FLOATS:
                encodings[field.name] = _encoding_of_floats(column)
        encodings = {path: encoding for path, encoding in encodings.items() if encoding}
        return pq.ParquetWriter(
            self._sink,
            schema,
            compression=self._compression,
            compression_level=ZSTD_LEVEL if self._compression == "zstd" else None,
            use_dictionary=[leaf.path for leaf in leaves if leaf.path not in encodings],
            column_encoding=encodings,
        )


def _encoding_of_floats(column: pa.ChunkedArray) -> str | None:
    """Of the first group's values the smallest; none for a dictionary.

    What is rounded repeats: a dictionary saves more in later groups, which are larger. What is
    rounded and repeats little has similar bytes, which Zstandard finds where they are.
    """
    distinct = pc.count_distinct(column).as_py()  # ty: ignore[missing-attribute]
    if distinct < MOST_DISTINCT * len(column):
        return None
    return min(FLOATS, "PLAIN", key=partial(_size_as, pa.table({"": column})))


def _size_as(table: pa.Table, encoding: str) -> int:
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        use_dictionary=False,
        column_encoding=encoding,
    )
    return sink.tell()


def _leaves(field: pa.Field) -> Iterator[Any]:
    """The columns of Parquet that a field becomes. Raises `Unrepresentable`."""
    file = io.BytesIO()
    try:
        pq.ParquetWriter(file, pa.schema([field])).close()
    except pa.ArrowNotImplementedError as error:
        raise columns.Unrepresentable(field.name, field.type) from error
    leaves = pq.read_metadata(file).schema
    return (leaves.column(index) for index in range(len(leaves)))


class ArrowStream(_BinaryEncoder):
    """The Arrow IPC streaming format; only `end` writes its end-of-stream marker."""

    name = "arrow"
    media_type = "application/vnd.apache.arrow.stream"
    forms = columns.ARROW

    def __init__(self, *, compression: Compression = "none") -> None:
        super().__init__()
        codec = None if compression == "none" else compression
        self._options = pa.ipc.IpcWriteOptions(compression=codec)

    def _open(self, schema: pa.Schema) -> pa.ipc.RecordBatchStreamWriter:
        return pa.ipc.new_stream(self._sink, schema, options=self._options)


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
