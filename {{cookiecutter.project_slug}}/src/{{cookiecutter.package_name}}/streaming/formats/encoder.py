from collections.abc import Sequence
from typing import Any, ClassVar

import pyarrow as pa

from ..problems import Problem

# Objects are Pydantic models, dataclasses, msgspec structs or dicts, all with the same fields.
Batch = pa.RecordBatch | Sequence[Any]


class Encoder:
    """What all formats share: a name, a media type, and nothing to say at either end.

    An encoder is used once: `start`, `encode` for each batch, then `end` or `fail`. Each returns
    the bytes to send now.
    """

    name: ClassVar[str]
    media_type: ClassVar[str]

    def start(self) -> bytes:
        return b""

    def encode(self, batch: Batch) -> bytes:
        """Raises `ValueError` or `TypeError` for a value that the format cannot carry."""
        raise NotImplementedError

    def encode_record(self, record: Any) -> bytes:
        return self.encode([record])

    def end(self, records: int) -> bytes:
        """The bytes that only a complete stream has; `records` is the count of the whole."""
        return b""

    def fail(self, records: int, problem: Problem) -> bytes:
        """The bytes that say why the stream ends early; the connection is aborted after them."""
        return b""
