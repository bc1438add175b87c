import io
import re
from codecs import BOM_UTF8
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from arro3.io import write_csv

from . import columns, objects
from .encoder import Batch, Encoder

# A spreadsheet runs a cell that begins with one of these as a formula (OWASP, CSV injection).
FORMULA_STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
FORMULA = f"^([{''.join(map(re.escape, FORMULA_STARTS))}])"
FIRST_BYTES = pa.array({start.encode()[:1] for start in FORMULA_STARTS}, pa.binary())
TEXT_TYPES = (pa.types.is_string, pa.types.is_large_string)


class Csv(Encoder):
    """CSV, UTF-8, with a header line (RFC 4180, but for lines that end in `\\n`).

    It has no way to say that it is complete. With `guard_formulas`, text that a spreadsheet would
    run as a formula gets an apostrophe before it. Excel takes a file for UTF-8 where there is a
    `byte_order_mark`.
    """

    name = "csv"
    media_type = "text/csv"

    def __init__(
        self,
        *,
        delimiter: str = ",",
        guard_formulas: bool = True,
        byte_order_mark: bool = False,
    ) -> None:
        self._delimiter = delimiter
        self._guard_formulas = guard_formulas
        self._byte_order_mark = BOM_UTF8 if byte_order_mark else b""
        self._names: list[str] = []
        self._has_header = False

    def start(self) -> bytes:
        return self._byte_order_mark

    def prepare(self, batch: Batch) -> Any:
        if not isinstance(batch, pa.RecordBatch):
            batch = objects.to_arrow(batch)
        if not batch.num_columns:  # an empty list
            return batch
        self._names = self._names or batch.schema.names
        if {*batch.schema.names} == {*self._names}:  # objects may have theirs in another order
            batch = batch.select(self._names)
        if batch.schema.names != self._names:
            raise ValueError(f"A batch has the columns {batch.schema.names}, not {self._names}.")
        batch = columns.plain(batch)
        columns.check_times(batch)
        for index, field in enumerate(batch.schema):
            batch = batch.set_column(index, field.name, self._as_plain(batch.column(index)))
        return batch

    def write(self, batch: Batch) -> bytes:
        if not isinstance(batch, pa.RecordBatch) or not batch.num_columns:
            return b""
        buffer = io.BytesIO()
        write_csv(batch, buffer, header=not self._has_header, delimiter=self._delimiter)
        self._has_header = True
        return buffer.getvalue()

    def _as_plain(self, column: pa.Array) -> pa.Array:
        """Numbers, times and texts that no program takes for anything else."""
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_nested(column.type):
            return _as_json(column)
        if self._guard_formulas and any(is_text(column.type) for is_text in TEXT_TYPES):
            return _without_formulas(column)
        return column


def _without_formulas(column: pa.Array) -> pa.Array:
    # pyarrow makes these functions when it is imported.
    starts = pc.binary_slice(column.cast(pa.binary()), 0, 1)  # ty: ignore[missing-attribute]
    may_be_formula = pc.is_in(starts, value_set=FIRST_BYTES)  # ty: ignore[missing-attribute]
    if not may_be_formula.true_count:
        return column
    guard = pc.replace_substring_regex  # ty: ignore[missing-attribute]
    return guard(column, pattern=FORMULA, replacement=r"'\1")


def _as_json(column: pa.Array) -> pa.Array:
    one_column = pa.RecordBatch.from_arrays([column], [""])
    lines = columns.to_json_lines(columns.for_json(one_column)).split(b"\n")[:-1]
    values = [line.removeprefix(b'{"":').removesuffix(b"}").decode() for line in lines]
    return pa.array([None if value == "null" else value for value in values], pa.string())
