from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Iterable
from typing import Any

from pydantic import BaseModel


class TableSource(ABC):
    """What is exported as a whole, in any order: anything that `encode_batches` takes."""

    record: type[BaseModel]

    @abstractmethod
    def batches(self) -> AsyncIterable[Any] | Iterable[Any]:
        """Yield all rows; Arrow batches have one schema, and an empty table yields an empty one."""
