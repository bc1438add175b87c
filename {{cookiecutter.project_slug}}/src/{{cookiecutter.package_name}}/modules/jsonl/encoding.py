from typing import Any

import pyarrow as pa

from ...records.formats import Batch, Encoder
from ...streaming.problems import Problem
from .cursors import Cursors
from .parameters import Parameters
from .record_source import field_of

CURSOR = "@cursor"
HEARTBEAT = b"\n"


class RecordEncoder(Encoder):
    """A format, with the fields and the cursors that `parameters` ask for.

    The cursor of the last record goes to the format's end record. In a stream that is followed, a
    batch without a record is an empty line, which readers of JSON Lines skip.
    """

    def __init__(
        self, encoder: Encoder, parameters: Parameters, key: str, cursors: Cursors
    ) -> None:
        self._encoder = encoder
        self._fields = parameters.fields
        self._with_cursors = parameters.cursors
        self._heartbeat = HEARTBEAT if parameters.follow else b""
        self._key = key
        self._last_key = parameters.after
        self._cursors = cursors

    def start(self) -> bytes:
        return self._encoder.start()

    def prepare(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with its keys in one more column, the last."""
        keys = batch.column(self._key)
        selected = batch.select(self._fields)
        if self._with_cursors:
            selected = selected.append_column(CURSOR, self._cursors.encode_all(keys))
        return self._encoder.prepare(selected).append_column(self._key, keys)

    def write(self, batch: Batch) -> bytes:
        if isinstance(batch, pa.RecordBatch):
            last_column = batch.num_columns - 1
            if len(batch):
                self._last_key = batch.column(last_column)[-1].as_py()
            batch = batch.select(range(last_column))
        else:
            if batch:
                self._last_key = field_of(batch[-1], self._key)
            batch = [self._select(record) for record in batch]
        return self._encoder.write(batch) or self._heartbeat

    def end(self, records: int) -> bytes:
        self._tell_cursor()
        return self._encoder.end(records)

    def fail(self, records: int, problem: Problem) -> bytes:
        self._tell_cursor()
        return self._encoder.fail(records, problem)

    def _tell_cursor(self) -> None:
        if self._last_key is not None:
            self._encoder.cursor = self._cursors.encode(self._last_key)

    def _select(self, record: Any) -> dict[str, Any]:
        selected = {name: field_of(record, name) for name in self._fields}
        if self._with_cursors:
            selected[CURSOR] = self._cursors.encode(field_of(record, self._key))
        return selected
