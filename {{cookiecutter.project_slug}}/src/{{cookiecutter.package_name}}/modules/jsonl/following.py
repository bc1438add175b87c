import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import anyio

from ...streaming.formats import Batch
from ...streaming.shutdown import ShuttingDown, drain
from .records import RecordQuery, RecordSource, last_key
from .settings import JsonlSettings


async def follow(source: RecordSource, query: RecordQuery) -> AsyncGenerator[Batch, None]:
    """Yield the records that there are, and then new ones as they come, up to `query.limit`.

    A batch without records is yielded at first if there are none, and then in each pause of
    `JSONL_HEARTBEAT_SECONDS`. Raises `ShuttingDown` when draining has begun.
    """
    settings = JsonlSettings()
    heartbeat_due = 0.0
    while True:
        async with aclosing(source.batches(query)) as batches:
            async for batch in batches:
                if len(batch) or time.monotonic() >= heartbeat_due:
                    yield batch
                    heartbeat_due = time.monotonic() + settings.heartbeat_seconds
                if len(batch):
                    query = _behind(query, batch, source.key)
        if query.limit == 0:
            return
        if drain.begun:
            raise ShuttingDown
        with anyio.move_on_after(settings.follow_seconds):
            await source.wait_for_more()


def _behind(query: RecordQuery, batch: Batch, key: str) -> RecordQuery:
    limit = None if query.limit is None else query.limit - len(batch)
    return replace(query, after=last_key(batch, key), limit=limit)
