"""The service with sources that are slow or fail, and with little space if `FILE_BYTES` says so."""

import asyncio
import os
from collections.abc import AsyncGenerator

from tests.modules.batch_export.failing_service import (
    Number,
    app,
    source,
    table_source,
)

__all__ = ["app"]

if "FILE_BYTES" in os.environ:  # what is written beyond fails, as on a disk that is full
    import resource

    most = int(os.environ["FILE_BYTES"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


class Slow(table_source.TableSource):
    record = Number

    async def batches(self) -> AsyncGenerator[list[Number]]:
        for _ in range(30):
            yield [Number(number=number) for number in range(1_000)]
            await asyncio.sleep(0.1)


source.SOURCES["slow"] = Slow()
