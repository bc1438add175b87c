import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import anyio
import pyarrow as pa

from ...records.formats import Batch
from ...streaming.shutdown import ShuttingDown, drain
from .record_source import RecordQuery, RecordSource, last_key
from .settings import JsonlSettings

LONGEST_WAIT_SECONDS = 1  # until draining is seen


async def read(source: RecordSource, query: RecordQuery) -> AsyncGenerator[Batch, None]:
    """Yield the batches of the records that there are, and never more than `query.limit`."""
    left = query.limit
    async with aclosing(source.batches(query)) as batches:
        async for batch_or_record in batches:
            is_batch = isinstance(batch_or_record, (pa.RecordBatch, list))
            batch = batch_or_record if is_batch else [batch_or_record]
            yield batch[:left]
            left = None if left is None else max(0, left - len(batch))
            if left == 0:
                return


async def follow(source: RecordSource, query: RecordQuery) -> AsyncGenerator[Batch, None]:
    """Yield the records that there are, and then new ones as they come, up to `query.limit`.

    A batch without records says that there are none yet, and then again in each pause of
    `JSONL_HEARTBEAT_SECONDS`. Raises `ShuttingDown` when draining has begun.
    """
    settings = JsonlSettings()
    heartbeat_due = 0.0
    while True:
        async with aclosing(read(source, query)) as batches:
            async for batch in batches:
                if len(batch):
                    yield batch
                    query = _behind(query, batch, source.key)
                    heartbeat_due = time.monotonic() + settings.heartbeat_seconds
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


def _behind(query: RecordQuery, batch: Batch, key: str) -> RecordQuery:
    limit = None if query.limit is None else query.limit - len(batch)
    return replace(query, after=last_key(batch, key), limit=limit)
