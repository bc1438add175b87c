"""The service with transforms, of tables and of sources."""

from collections.abc import Iterator
from importlib import import_module

import pyarrow as pa
from pydantic import BaseModel

from {{ cookiecutter.package_name }}.modules.batch_export import (
    source,
    table_source,
)
from {{ cookiecutter.package_name }}.records import (
    Table,
)
from {{ cookiecutter.package_name }}.records import (
    source as tables,
)

from tests.modules.batch_export.strange_transforms import FAILING, OTHERS, double
from tests.modules.batch_export.transforms import TRANSFORMS


class Number(BaseModel):
    number: int


class Numbers(table_source.TableSource):
    record = Number

    def __init__(self, *batches: object) -> None:
        self._batches = batches

    def batches(self) -> Iterator[object]:
        yield from self._batches


NUMBERS = [pa.record_batch({"number": pa.array(numbers)}) for numbers in ([1, 2], [3])]
source.SOURCES.clear()
source.SOURCES.update(arrow=Numbers(*NUMBERS), records=Numbers(Number(number=1)))
source.TRANSFORMS.clear()
source.TRANSFORMS |= FAILING | OTHERS | TRANSFORMS | {"arrow": double, "records": double}
tables.TABLES = {name: Table("readings", key="id") for name in ["readings", *FAILING, *OTHERS]}
app = import_module("{{ cookiecutter.package_name }}.main").app
