"""The service with exports that break off; the tests behind nginx serve it."""

from collections.abc import AsyncGenerator

import pyarrow as pa

from {{ cookiecutter.package_name }}.main import app
from {{ cookiecutter.package_name }}.modules.batch_export import source

__all__ = ["app"]


class Killed(BaseException):
    """No handler catches it: the stream ends without last words, as when the process is killed."""


class BreaksOff(source.Readings):
    """Fails behind its second batch."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def batches(self) -> AsyncGenerator[pa.RecordBatch, None]:
        batches = super().batches()
        try:
            yield await anext(batches)
            yield await anext(batches)
            raise self.error
        finally:
            await batches.aclose()


source.SOURCES.update(fails=BreaksOff(RuntimeError("no more")), dies=BreaksOff(Killed()))
