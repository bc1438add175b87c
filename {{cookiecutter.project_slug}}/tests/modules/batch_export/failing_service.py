"""The service with exports that break off."""

from collections.abc import Generator

from pydantic import BaseModel

from {{ cookiecutter.package_name }}.modules.batch_export import (
    source,
    table_source,
)

from tests.records.readings_app import app

__all__ = ["app"]


class Killed(BaseException):
    """No handler catches it: the stream ends without last words, as when the process is killed."""


class Number(BaseModel):
    number: int


class BreaksOff(table_source.TableSource):
    record = Number

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def batches(self) -> Generator[list[Number]]:
        yield [Number(number=number) for number in range(20_000)]
        raise self.error


source.SOURCES.clear()
source.SOURCES.update(fails=BreaksOff(RuntimeError("no more")), dies=BreaksOff(Killed()))
