"""A job's rows, cut into segments."""

from collections.abc import AsyncGenerator
from typing import Any

from ....records.inputs import count_of, weigh
from ....records.resuming import Cursor


class Cutting:
    """Hands on the items of a source in portions of about `most_bytes` in memory.

    `rows` are those that it has handed on in this portion, and `cursor` is behind the last of them.
    """

    def __init__(self, source: AsyncGenerator[tuple[Any, Cursor], None], most_bytes: int) -> None:
        self._source = source
        self._most_bytes = most_bytes
        self._next: tuple[Any, Cursor] | None = None
        self.rows = 0
        self.cursor: Cursor = None

    async def has_more(self) -> bool:
        """Whether there is another row; what is empty is passed over."""
        while self._next is None or not count_of(self._next[0]):
            self._next = await anext(self._source, None)
            if self._next is None:
                return False
        return True

    async def portion(self) -> AsyncGenerator[Any, None]:
        self.rows = size = 0
        while size < self._most_bytes:
            found, self._next = self._next or await anext(self._source, None), None
            if found is None:
                return
            item, self.cursor = found
            self.rows += count_of(item)
            size += weigh(item)
            yield item
