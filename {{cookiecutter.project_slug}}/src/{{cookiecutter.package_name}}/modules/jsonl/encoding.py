from typing import Any

import pyarrow as pa

from ...records.formats import Batch, Encoder
from ...streaming.problems import Problem
from .cursors import Cursors
from .parameters import Parameters
from .record_source import values_getter

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
        self._names = (*parameters.fields, key)
        self._names_sent = [*parameters.fields, *([CURSOR] if parameters.cursors else [])]
        self._heartbeat = HEARTBEAT if parameters.follow else b""
        self._key = key
        self._last_key = parameters.after
        self._cursors = cursors

    def start(self) -> bytes:
        return self._encoder.start()

    def prepare(self, batch: Batch) -> Any:
        """An Arrow batch with its keys in one more column, the last."""
        if not isinstance(batch, pa.RecordBatch):
            return batch
        keys = batch.column(self._key)
        selected = batch.select(self._fields)
        if self._with_cursors:
            selected = selected.append_column(CURSOR, self._cursors.encode_all(keys))
        return self._encoder.prepare(selected).append_column(self._key, keys)

    def write(self, batch: Batch) -> bytes:
        if not isinstance(batch, pa.RecordBatch):
            return self._encoder.encode([*map(self._select, batch)]) or self._heartbeat
        last_column = batch.num_columns - 1
        if len(batch):
            self._last_key = batch.column(last_column)[-1].as_py()
        return self._encoder.write(batch.select(range(last_column))) or self._heartbeat

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
        *values, self._last_key = values_getter(type(record), *self._names)(record)
        if self._with_cursors:
            values.append(self._cursors.encode(self._last_key))
        return dict(zip(self._names_sent, values, strict=True))
