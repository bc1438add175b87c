import io

import pyarrow as pa
import pyarrow.compute as pc
from arro3.io import write_csv

from . import columns, objects
from .encoder import Batch, Encoder

# A spreadsheet runs a cell that begins with one of these as a formula (OWASP, CSV injection).
FORMULA = r"^([=+\-@\t\r])"
FORMULA_STARTS = pa.array(["=", "+", "-", "@", "\t", "\r"], pa.binary())
TEXT_TYPES = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)


class Csv(Encoder):
    """CSV, UTF-8, with a header line (RFC 4180, but for lines that end in `\\n`).

    It has no way to say that it is complete. Text that a spreadsheet would run as a formula gets
    an apostrophe before it.
    """

    name = "csv"
    media_type = "text/csv"

    def __init__(self) -> None:
        self._names: list[str] = []

    def encode(self, batch: Batch) -> bytes:
        if not isinstance(batch, pa.RecordBatch):
            if not batch:
                return b""
            batch = objects.to_arrow(batch)
        header = not self._names
        self._names = self._names or batch.schema.names
        if batch.schema.names != self._names:
            raise ValueError(f"A batch has the columns {batch.schema.names}, not {self._names}.")
        return _to_csv(batch, header=header)


def _to_csv(batch: pa.RecordBatch, *, header: bool) -> bytes:
    batch = columns.in_utc(batch)
    columns.check_times(batch)
    for index, field in enumerate(batch.schema):
        column = batch.column(index)
        if pa.types.is_dictionary(field.type):
            column = column.dictionary_decode()
        if pa.types.is_nested(column.type):
            batch = batch.set_column(index, field.name, _as_json(batch.select([index])))
        elif any(is_text(column.type) for is_text in TEXT_TYPES):
            batch = batch.set_column(index, field.name, _without_formulas(column))
    buffer = io.BytesIO()
    write_csv(batch, buffer, header=header)
    return buffer.getvalue()


def _without_formulas(column: pa.Array) -> pa.Array:
    # pyarrow makes these functions when it is imported.
    starts = pc.binary_slice(column.cast(pa.binary()), 0, 1)  # ty: ignore[missing-attribute]
    is_formula = pc.is_in(starts, value_set=FORMULA_STARTS)  # ty: ignore[missing-attribute]
    if not is_formula.true_count:
        return column
    guard = pc.replace_substring_regex  # ty: ignore[missing-attribute]
    return guard(column, pattern=FORMULA, replacement=r"'\1")


def _as_json(one_column: pa.RecordBatch) -> pa.Array:
    renamed = one_column.rename_columns([""])
    lines = columns.to_json_lines(renamed).split(b"\n")[:-1]
    values = [line.removeprefix(b'{"":').removesuffix(b"}").decode() for line in lines]
    return pa.array([None if value == "null" else value for value in values], pa.string())
