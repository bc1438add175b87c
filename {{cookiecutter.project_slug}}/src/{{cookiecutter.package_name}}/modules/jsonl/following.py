import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import anyio
import pyarrow as pa

from ...records.inputs import count_of, read_items
from ...streaming.shutdown import ShuttingDown, drain
from .record_source import RecordQuery, RecordSource, last_key
from .settings import jsonl_settings

LONGEST_WAIT_SECONDS = 1  # until draining is seen


async def read(source: RecordSource, query: RecordQuery) -> AsyncGenerator[Any, None]:
    """Yield the batches and records that there are, and never more than `query.limit` records."""
    left = query.limit
    async with aclosing(read_items(source.batches(query))) as items:
        async for item in items:
            yield item[:left] if isinstance(item, (pa.RecordBatch, list)) else item
            if left is not None:
                left -= min(left, count_of(item))
                if left == 0:
                    return


async def follow(source: RecordSource, query: RecordQuery) -> AsyncGenerator[Any, None]:
    """Yield the records that there are, and then new ones as they come, up to `query.limit`.

    A batch without records says that there are none yet, and then again in each pause of
    `JSONL_HEARTBEAT_SECONDS`. Raises `ShuttingDown` when draining has begun.
    """
    settings = jsonl_settings()
    heartbeat_due = 0.0
    while True:
        last, records = None, 0
        async with aclosing(read(source, query)) as items:
            async for item in items:
                if count := count_of(item):
                    yield item
                    last, records = item, records + count
                    heartbeat_due = time.monotonic() + settings.heartbeat_seconds
        if records:
            query = _behind(query, last_key(last, source.key), records)
        if query.limit == 0:
            return
        ask_at = time.monotonic() + settings.follow_seconds
        while (now := time.monotonic()) < ask_at:
            if drain.begun:
                raise ShuttingDown
            if now >= heartbeat_due:
                yield []
                heartbeat_due = now + settings.heartbeat_seconds
            with anyio.move_on_after(min(LONGEST_WAIT_SECONDS, heartbeat_due - now, ask_at - now)):
                await source.wait_for_more()
                break


def _behind(query: RecordQuery, key: Any, records: int) -> RecordQuery:
    return replace(query, after=key, limit=query.limit and query.limit - records)
