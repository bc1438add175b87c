from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa

from ...streaming.problems import Problem

# Objects are Pydantic models, dataclasses, msgspec structs or dicts, all with the same fields.
Batch = pa.RecordBatch | Sequence[Any]


class Encoder:
    """What all formats share: a name, a media type, and nothing to say at either end.

    An encoder is used once: `start`, `encode` or `encode_parts` for each batch, then `end` or
    `fail`. Each returns the bytes to send now. A format defines `write`, and `prepare` for what is
    faster done for a whole batch than for each part of it.
    """

    name: ClassVar[str]
    media_type: str
    # Whether encoding takes long, and lets others compute meanwhile.
    in_thread: ClassVar[bool] = False
    # Where a reader of what was encoded so far resumes; an end record carries it.
    cursor: str | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields that say how the bytes are made."""
        return {}

    def start(self) -> bytes:
        return b""

    def encode(self, batch: Batch) -> bytes:
        """Raises `ValueError` or `TypeError` for a value that the format cannot carry."""
        return self.write(self.prepare(batch))

    def encode_parts(self, batch: Batch, records: int) -> Iterator[bytes]:
        """The same bytes as `encode`, made for so many records at a time."""
        prepared = self.prepare(batch)
        for start in range(0, len(prepared), records):
            yield self.write(prepared[start : start + records])

    def prepare(self, batch: Batch) -> Any:
        """What `write` takes, and takes slices of."""
        return batch

    def write(self, batch: Batch) -> bytes:
        raise NotImplementedError

    def end(self, records: int) -> bytes:
        """The bytes that only a complete stream has; `records` is the count of the whole."""
        return b""

    def fail(self, records: int, problem: Problem) -> bytes:
        """The bytes that say why the stream ends early; the connection is aborted after them."""
        return b""
