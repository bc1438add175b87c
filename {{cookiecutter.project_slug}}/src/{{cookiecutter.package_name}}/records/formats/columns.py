"""Arrow columns in the forms that text formats write."""

import io
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
from arro3.io import write_ndjson

LISTS = (
    (pa.types.is_list, pa.list_),
    (pa.types.is_large_list, pa.large_list),
    (pa.types.is_list_view, pa.list_),
    (pa.types.is_large_list_view, pa.large_list),
)
PLAIN_TYPES = {
    pa.string_view(): pa.string(),
    pa.binary_view(): pa.binary(),
    pa.date64(): pa.date32(),
}


def plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same instants with `UTC` as their zone; a time without a zone is taken for UTC.

    What other libraries have in place of lists, strings and dates becomes these.
    """
    return _cast(batch, _plain)


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
        # Nanoseconds reach from 1677 to 2262, and only pandas has an object for them.
        is_time = pa.types.is_timestamp(column.type) and column.type.unit != "ns"
        if is_time or pa.types.is_date(column.type):
            try:
                pc.min_max(column).as_py()  # ty: ignore[missing-attribute]
            except (ValueError, OverflowError) as error:
                raise ValueError(f"A time has no date: {error}") from error


def _leaves(columns: list[pa.Array]) -> Iterator[pa.Array]:
    for column in columns:
        if pa.types.is_struct(column.type):
            yield from _leaves(column.flatten())
        elif pa.types.is_map(column.type):
            yield from _leaves([column.keys, column.items])
        elif pa.types.is_dictionary(column.type):
            yield from _leaves([column.dictionary])
        elif pa.types.is_nested(column.type):
            yield from _leaves([column.flatten()])
        else:
            yield column


def _cast(batch: pa.RecordBatch, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.RecordBatch:
    fields = [field.with_type(_map(field.type, leaf)) for field in batch.schema]
    schema = pa.schema(fields, batch.schema.metadata)
    columns = [
        column if column.type == field.type else _cast_column(column, field.type)
        for column, field in zip(batch.columns, fields, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast_column(column: pa.Array, data_type: pa.DataType) -> pa.Array:
    if _has_view(column.type):  # which pyarrow casts to what is not there
        return pa.array(column.to_pylist(), data_type)
    return column.cast(data_type)


def _has_view(data_type: pa.DataType) -> bool:
    is_view = pa.types.is_list_view(data_type) or pa.types.is_large_list_view(data_type)
    inner = (data_type.field(index).type for index in range(data_type.num_fields))
    return is_view or any(map(_has_view, inner))


def _map(data_type: pa.DataType, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    def mapped(field: pa.Field) -> pa.Field:
        return field.with_type(_map(field.type, leaf))

    if pa.types.is_struct(data_type):
        return pa.struct([mapped(field) for field in data_type])
    if pa.types.is_map(data_type):
        return pa.map_(mapped(data_type.key_field), mapped(data_type.item_field))
    if pa.types.is_fixed_size_list(data_type):
        return pa.list_(mapped(data_type.value_field), data_type.list_size)
    if pa.types.is_dictionary(data_type):
        value_type = _map(data_type.value_type, leaf)
        return data_type if value_type == data_type.value_type else value_type
    for is_list, make_list in LISTS:
        if is_list(data_type):
            return make_list(mapped(data_type.value_field))
    return leaf(data_type)


def _plain(data_type: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(data_type):
        return pa.timestamp(data_type.unit, "UTC")
    return PLAIN_TYPES.get(data_type, data_type)


def _exact(data_type: pa.DataType) -> pa.DataType:
    """A decimal as text: many readers of JSON take a number for a binary float."""
    return pa.string() if pa.types.is_decimal(data_type) else _plain(data_type)
