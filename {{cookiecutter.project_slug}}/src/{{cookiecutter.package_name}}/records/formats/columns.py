"""Arrow columns in the forms that a format can write, decided by their types before the first byte.

pyarrow and arro3 go wrong over slices, views, unions and maps, each somewhere else. So whatever is
nested is taken apart and built anew, of a few plain types.
"""

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import HTTPException

from . import leaves, texts

VIEWS = (pa.types.is_list_view, pa.types.is_large_list_view)
LISTS = (pa.types.is_list, pa.types.is_large_list, *VIEWS)
# Whose times ADBC lets overflow: `leaves.mend`.
POSTGRESQL = b"POSTGRESQL:type"


class Unrepresentable(HTTPException):
    """A format has no form for the type of a column, which is known before the first byte."""

    type = "/problems/unrepresentable"

    def __init__(self, column: str, data_type: object) -> None:
        super().__init__(
            406,
            f"The column {column!r} is of the type {data_type}, for which this format has no form: "
            "leave it out, ask for another format, or cast it in the query.",
        )


Leaf = Callable[[pa.Array], pa.Array]


class Forms(NamedTuple):
    """What becomes of values that are not nested, of those within others, and of keys of maps."""

    top: Leaf
    inner: Leaf
    key: Leaf
    keeps_dictionaries: bool = False
    keeps_unions: bool = False
    has_text_keys: bool = False

    def mended(self) -> "Forms":
        """The same for columns of PostgreSQL."""

        def after_mending(leaf: Leaf) -> Leaf:
            return lambda column: leaf(leaves.mend(column))

        top, inner, key = map(after_mending, (self.top, self.inner, self.key))
        return self._replace(top=top, inner=inner, key=key)


def convert(batch: pa.RecordBatch, forms: Forms) -> pa.RecordBatch:
    """The batch in `forms`. Raises `Unrepresentable`."""
    columns, fields = [], []
    for column, field in zip(batch.columns, batch.schema, strict=True):
        is_postgresql = POSTGRESQL in (field.metadata or {})
        try:
            used = forms.mended() if is_postgresql else forms
            made = _column(column, used, used.top)
        except (texts.NoTextForm, pa.ArrowNotImplementedError) as error:
            raise Unrepresentable(field.name, field.type) from error
        columns.append(made)
        fields.append(_describe(field, made.type))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields, batch.schema.metadata))


def _describe(field: pa.Field, made: pa.DataType) -> pa.Field:
    """The field of what was made; what is carried as text says of what type it was."""
    if made == field.type:
        return field
    is_text = pa.types.is_string(made)
    note = {"carried_as_text": str(field.type)} if is_text else {}
    return field.with_type(made).with_metadata({**(field.metadata or {}), **note})


def _column(column: pa.Array, forms: Forms, leaf: Leaf) -> pa.Array:
    data_type = column.type
    if isinstance(data_type, pa.BaseExtensionType) or (
        forms.keeps_unions and pa.types.is_union(data_type)
    ):
        return leaf(column)
    if pa.types.is_run_end_encoded(data_type):
        return _column(pc.run_end_decode(column), forms, leaf)  # ty: ignore[missing-attribute]
    if pa.types.is_dictionary(data_type):
        if forms.keeps_dictionaries and leaf(column.dictionary).type == data_type.value_type:
            return column
        return _column(column.dictionary_decode(), forms, leaf)
    for is_kind, build in NESTED:
        if is_kind(data_type):
            return build(column, forms)
    return leaf(column)


def _struct(column: pa.Array, forms: Forms) -> pa.Array:
    children = [_column(column.field(i), forms, forms.inner) for i in range(column.type.num_fields)]
    fields = [f.with_type(c.type) for f, c in zip(column.type, children, strict=True)]
    return pa.StructArray.from_arrays(children, fields=fields, mask=column.is_null())


def _union(union: pa.Array, forms: Forms) -> pa.Array:
    """A struct with all members of a union, of which one at most is there."""
    # Of a slice, pyarrow's own `type_codes` and `offsets` begin where the whole does.
    _, codes_buffer, *offsets_buffer = union.buffers()[: 3 if union.type.mode == "dense" else 2]
    codes = _numbers(union, pa.int8(), codes_buffer)
    rows = pa.array(range(len(union)), pa.int32())
    places = _numbers(union, pa.int32(), *offsets_buffer) if offsets_buffer else rows
    children = []
    for index, code in enumerate(union.type.type_codes):
        is_there = pc.equal(codes, pa.scalar(code, pa.int8()))  # ty: ignore[missing-attribute]
        taken = pc.if_else(is_there, places, None)  # ty: ignore[missing-attribute]
        children.append(union.field(index).take(taken))
    is_null = pa.array([True] * len(union), pa.bool_())
    for child in children:
        is_null = pc.and_(is_null, child.is_null())  # ty: ignore[missing-attribute]
    names = [field.name for field in union.type]
    return _struct(pa.StructArray.from_arrays(children, names, mask=is_null), forms)


def _numbers(union: pa.Array, data_type: pa.DataType, buffer: pa.Buffer) -> pa.Array:
    return pa.Array.from_buffers(data_type, len(union), [None, buffer], offset=union.offset)


def _map(column: pa.Array, forms: Forms) -> pa.Array:
    offsets, keys, items = _entries(column, column.keys, column.items)
    if forms.has_text_keys and pa.types.is_nested(keys.type):
        raise texts.NoTextForm(column.type)
    keys = _column(keys, forms, forms.key)
    items = _column(items, forms, forms.inner)
    made = pa.map_(keys.type, column.type.item_field.with_type(items.type))
    return pa.MapArray.from_arrays(offsets, keys, items, type=made, mask=column.is_null())


def _fixed_list(column: pa.Array, forms: Forms) -> pa.Array:
    size = column.type.list_size
    values = column.values.slice(column.offset * size, len(column) * size)
    values = _column(values, forms, forms.inner)
    made = pa.list_(column.type.value_field.with_type(values.type), size)
    return pa.FixedSizeListArray.from_arrays(values, type=made, mask=column.is_null())


def _list(column: pa.Array, forms: Forms) -> pa.Array:
    is_large = "large" in str(column.type)
    if any(is_view(column.type) for is_view in VIEWS):
        lengths = pc.list_value_length(column).fill_null(0)  # ty: ignore[missing-attribute]
        offsets = pa.array([0, *pc.cumulative_sum(lengths).to_pylist()], lengths.type)  # ty: ignore[missing-attribute]
        values = column.flatten()
    else:
        offsets, values = _entries(column, column.values)
    values = _column(values, forms, forms.inner)
    field = column.type.value_field.with_type(values.type)
    make, made = (
        (pa.LargeListArray, pa.large_list(field)) if is_large else (pa.ListArray, pa.list_(field))
    )
    return make.from_arrays(offsets, values, type=made, mask=column.is_null())


def _entries(column: pa.Array, *children: pa.Array) -> list[pa.Array]:
    """The offsets from 0 on, and of the children what this column has: it may be a slice."""
    offsets = column.offsets
    first, last = offsets[0].as_py(), offsets[-1].as_py()
    from_zero = pc.subtract(offsets, pa.scalar(first, offsets.type))  # ty: ignore[missing-attribute]
    return [from_zero, *(child.slice(first, last - first) for child in children)]


NESTED = (
    (pa.types.is_struct, _struct),
    (pa.types.is_union, _union),
    (pa.types.is_map, _map),
    (pa.types.is_fixed_size_list, _fixed_list),
    *((is_list, _list) for is_list in LISTS),
)


ARROW = Forms(*[leaves.plain] * 3, keeps_dictionaries=True, keeps_unions=True)
PARQUET = Forms(*[leaves.without_intervals] * 3, keeps_dictionaries=True)
TEXT = Forms(leaves.fast, leaves.bare, leaves.key, has_text_keys=True)
TEXT_OF_INTEGERS = TEXT._replace(top=leaves.fast_but_integers, inner=leaves.bare_but_integers)
