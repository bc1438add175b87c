from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator

import pyarrow as pa
from pydantic import BaseModel


class RecordSource(ABC):
    """Records of one type, in the order of a key that is unique and never changes."""

    record: type[BaseModel]

    @abstractmethod
    def batches(
        self, *, after: int | None, limit: int | None
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield the records whose key is greater than `after`, at most `limit` of them.

        All batches have one schema; where there is no record, one empty batch tells it.
        """
