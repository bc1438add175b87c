import io
from codecs import BOM_UTF8
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from arro3.io import write_csv

from . import columns, lines, objects, texts
from .encoder import Batch, Encoder
from .settings import format_settings

# A spreadsheet runs a cell that begins with one of these as a formula (OWASP, CSV injection).
FORMULA = r"^([=+\-@\t\r\n\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])"
# But none of these: a number, a telephone number, and the name of an account.
NUMBER = r"[+\-]?([0-9]+([.,][0-9]+)*([eE][+\-]?[0-9]+)?%?|[Ii]nfinity)"
NO_FORMULA = rf"^({NUMBER}|\+[0-9][0-9 ()/.\-]*|@[\pL\pN_.]+)$"
FIRST_BYTES = pa.array([b"=", b"+", b"-", b"@", b"\t", b"\r", b"\n", b"\xef"], pa.binary())
# They stand for a text that is empty, and for NULL in the only column, until both are written: to
# arro3 they are the same.
EMPTY, NULL = token_hex(16), token_hex(16)


class Csv(Encoder):
    """CSV, UTF-8, with a header line (RFC 4180, but for lines that end in `\\n`).

    A text that is empty is `""`, and nothing is there for NULL, as PostgreSQL's COPY has it. CSV
    has no way to say that it is complete. With `guard_formulas` (where it is `None`, a setting says
    so), text that a spreadsheet would run as a formula gets an apostrophe before it. Excel takes a
    file for UTF-8 where there is a `byte_order_mark`.
    """

    name = "csv"
    media_type = "text/csv"
    forms = columns.TEXT

    def __init__(
        self,
        *,
        delimiter: str = ",",
        guard_formulas: bool | None = None,
        byte_order_mark: bool = False,
    ) -> None:
        default = format_settings().guard_formulas
        self._delimiter = delimiter
        self._guard_formulas = default if guard_formulas is None else guard_formulas
        self._byte_order_mark = BOM_UTF8 if byte_order_mark else b""
        self._names: list[str] = []
        self._has_header = False

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Formula-Guard": "apostrophe" if self._guard_formulas else "none"}

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
        made = columns.convert(batch, self.forms)
        types = zip(made.columns, batch.schema.types, strict=True)
        return pa.RecordBatch.from_arrays([self._cells(*each) for each in types], self._names)

    def write(self, batch: Batch) -> bytes:
        if not isinstance(batch, pa.RecordBatch) or not batch.num_columns:
            return b""
        buffer = io.BytesIO()
        header, null = not self._has_header, NULL if batch.num_columns == 1 else ""
        write_csv(batch, buffer, header=header, delimiter=self._delimiter, null=null)
        self._has_header = True
        return buffer.getvalue().replace(EMPTY.encode(), b'""').replace(NULL.encode(), b"")

    def _cells(self, column: pa.Array, original: pa.DataType) -> pa.Array:
        if pa.types.is_nested(column.type):
            return lines.as_json(column)
        if not any(is_text(column.type) for is_text in texts.STRINGS):
            return column
        is_empty = pc.equal(column, "")  # ty: ignore[missing-attribute]
        if pc.any(is_empty).as_py():  # ty: ignore[missing-attribute]
            column = pc.if_else(is_empty, EMPTY, column)  # ty: ignore[missing-attribute]
        may_be_formula = self._guard_formulas and _is_text(original)
        return _without_formulas(column) if may_be_formula else column


def _is_text(data_type: pa.DataType) -> bool:
    """Whether it is what anybody may have written, and not the text of a number or a time."""
    return not (pa.types.is_decimal(data_type) or pa.types.is_primitive(data_type))


def _without_formulas(column: pa.Array) -> pa.Array:
    # pyarrow makes these functions when it is imported.
    starts = pc.binary_slice(column.cast(pa.binary()), 0, 1)  # ty: ignore[missing-attribute]
    may_be_formula = pc.is_in(starts, value_set=FIRST_BYTES)  # ty: ignore[missing-attribute]
    if not may_be_formula.true_count:
        return column
    guard = pc.replace_substring_regex  # ty: ignore[missing-attribute]
    is_none = pc.match_substring_regex(column, NO_FORMULA)  # ty: ignore[missing-attribute]
    guarded = guard(column, pattern=FORMULA, replacement=r"'\1")
    return pc.if_else(is_none, column, guarded)  # ty: ignore[missing-attribute]
