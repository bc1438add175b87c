from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator

import pyarrow as pa
from pydantic import BaseModel


class TableSource(ABC):
    """A table that is exported as a whole, in any order."""

    record: type[BaseModel]

    @abstractmethod
    def batches(self) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield all rows; all batches have one schema, and an empty table yields an empty batch."""
