from collections.abc import AsyncGenerator
from contextlib import aclosing

import pyarrow as pa

from ...records.database import BadValue, RelationMissing
from ...records.pages import KEY, Selection, walk
from ...records.tables import ServedTable
from .record_source import RecordQuery, RecordSource
from .settings import jsonl_settings


class TableRecords(RecordSource):
    """The rows of a table in the order of its key, which comes with them as `KEY`."""

    key = KEY

    def __init__(self, table: ServedTable) -> None:
        self._table = table
        self.headings = table.table.headings

    async def batches(self, query: RecordQuery) -> AsyncGenerator[pa.RecordBatch, None]:
        fields = [field for field in query.fields if field != KEY]
        selection = Selection(fields, query.filters, query.after, query.limit)
        try:
            batches = walk(self._table, selection, jsonl_settings().batch_rows)
            async with aclosing(batches):
                async for batch in batches:
                    yield batch
        except (BadValue, RelationMissing) as error:
            raise await self._table.refusal(error, selection.conditions, query.after) from error
