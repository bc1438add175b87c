"""Arrow columns in the forms that text formats write."""

import io
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
from arro3.io import write_ndjson


def in_utc(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same instants with `UTC` as their zone; a time without a zone is taken for UTC."""
    return _cast(batch, _utc)


def for_json(batch: pa.RecordBatch) -> pa.RecordBatch:
    """What JSON can carry. Raises `ValueError` for a time that has no date in RFC 3339."""
    batch = _cast(batch, _exact)
    check_times(batch)
    return batch


def to_json_lines(batch: pa.RecordBatch) -> bytes:
    """A line for each row of a batch that went through `for_json`."""
    buffer = io.BytesIO()
    write_ndjson(batch, buffer, explicit_nulls=True)
    return buffer.getvalue()


def check_times(batch: pa.RecordBatch) -> None:
    """arro3 would write the text of its own error in place of a time that has no date."""
    for column in _leaves(batch.columns):
        if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
            try:
                pc.min_max(column).as_py()  # ty: ignore[missing-attribute]
            except (ValueError, OverflowError) as error:
                raise ValueError(f"A time has no date: {error}") from error


def _leaves(columns: list[pa.Array]) -> Iterator[pa.Array]:
    for column in columns:
        if pa.types.is_struct(column.type):
            yield from _leaves(column.flatten())
        elif pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            yield from _leaves([column.flatten()])
        else:
            yield column


def _cast(batch: pa.RecordBatch, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.RecordBatch:
    fields = [field.with_type(_map(field.type, leaf)) for field in batch.schema]
    schema = pa.schema(fields, batch.schema.metadata)
    columns = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, fields, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _map(data_type: pa.DataType, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    if pa.types.is_struct(data_type):
        return pa.struct([field.with_type(_map(field.type, leaf)) for field in data_type])
    if pa.types.is_list(data_type):
        return pa.list_(data_type.value_field.with_type(_map(data_type.value_type, leaf)))
    return leaf(data_type)


def _utc(data_type: pa.DataType) -> pa.DataType:
    return pa.timestamp(data_type.unit, "UTC") if pa.types.is_timestamp(data_type) else data_type


def _exact(data_type: pa.DataType) -> pa.DataType:
    """A decimal as text: many readers of JSON take a number for a binary float."""
    return pa.string() if pa.types.is_decimal(data_type) else _utc(data_type)
