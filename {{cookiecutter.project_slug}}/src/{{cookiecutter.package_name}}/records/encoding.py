"""From lists of items to chunks of bytes."""

from collections.abc import Iterator
from time import thread_time
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from ..streaming.delivery import count_records
from ..streaming.problems import describe
from ..streaming.settings import CHUNK_BYTES
from . import inputs
from .collecting import Scales
from .formats import Batch, Encoder
from .schemas import empty_batch

PART_BYTES = CHUNK_BYTES // 2
# What a format does once for some records is done for as many as take so long, within bounds:
# fresh memory can take much longer than what was used before.
MOST_SECONDS = 0.005
MOST_RECORDS = 5_000
MOST_BYTES = 512 * 1024
# What a record weighs at least: as an object it is larger than as bytes.
LEAST_WEIGHT = 64


class Encoding:
    """An encoder at work: `chunks` for each list of items, then `end` or `fail`."""

    def __init__(self, encoder: Encoder, model: type[BaseModel] | None, scales: Scales) -> None:
        self._encoder = encoder
        self._model = model
        self._scales = scales
        self._start = encoder.start()
        self._has_begun = False
        self._made = b""
        self._records = 0
        self._together = 0
        self._silent = 0  # records since the last bytes: some formats collect
        self._has_columns = False

    def chunks(self, items: list[Any]) -> Iterator[bytes]:
        """The first one is made of the first part; an empty one is a chance to pause."""
        for part in self._parts(items):
            self._made += part
            is_pause = not part and not self._encoder.in_thread
            is_first = part and not self._has_begun
            if is_pause or is_first or len(self._made) >= CHUNK_BYTES:
                yield self._take()
        yield self._take()

    def end(self) -> bytes:
        if self._model and not self._has_columns:  # some formats tell the columns all the same
            self._made += self._encoder.encode(empty_batch(self._model))
        self._made += self._encoder.end(self._records)
        return self._take()

    def fail(self, error: Exception) -> bytes:
        if self._has_begun:
            self._made += self._encoder.fail(self._records, describe(error))
        return self._take() if self._has_begun else b""

    def _take(self) -> bytes:
        taken, self._made = self._made, b""
        if taken and not self._has_begun:
            self._has_begun = True
            return self._start + taken
        return taken

    def _parts(self, items: list[Any]) -> Iterator[bytes]:
        for batch in _runs(items):
            self._has_columns |= isinstance(batch, pa.RecordBatch) or bool(batch)
            for part, records in self._encode(batch):
                count_records(records)
                self._records += records
                self._silent += records
                if part and self._silent:
                    self._scales.record = max(LEAST_WEIGHT, len(part) // self._silent)
                    self._silent = 0
                yield part

    def _encode(self, batch: Batch) -> Iterator[tuple[bytes, int]]:
        """Each part with the count of its records; a batch without a record is a part too."""
        if not len(batch):
            yield self._encoder.encode(batch), 0
        start = 0
        while start < len(batch):
            weight = max(1, self._scales.weigh(batch) // len(batch))
            most = max(1, PART_BYTES // weight)
            # At first, nobody knows how large an object is.
            first = most if isinstance(batch, pa.RecordBatch) else 1
            count = min(self._together or first, max(1, MOST_BYTES // weight))
            together = batch[start : start + count]
            start += len(together)
            began = thread_time()
            if self._model and isinstance(together, list):
                together = inputs.plain(together, self._model)
            for index, part in enumerate(self._encoder.encode_parts(together, most)):
                if index == 0:
                    self._together = _in_time(together, thread_time() - began)
                yield part, min(most, len(together) - index * most)


def _in_time(together: Batch, seconds: float) -> int:
    """How many records to prepare together, by how long it took for these.

    Arrow data takes next to nothing, and is divided by its size alone: so a file of batches has the
    same bytes each time.
    """
    if isinstance(together, pa.RecordBatch):
        return MOST_RECORDS
    return max(1, min(int(len(together) * MOST_SECONDS / max(seconds, 1e-6)), MOST_RECORDS))


def _runs(items: list[Any]) -> Iterator[Batch]:
    """The batches as they are, and between them the records of lists and single ones together."""
    if {*map(inputs.kind_of, {*map(type, items)})} == {"record"}:
        yield items
        return
    records: list[Any] = []
    for item in items:
        if isinstance(item, list) and item:
            records += item
        elif isinstance(item, (pa.RecordBatch, list)):
            if records:
                yield records
                records = []
            yield item
        else:
            records.append(item)
    if records:
        yield records
