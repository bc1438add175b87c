"""The tables of this service: the one test that looks at `source.py`."""

import asyncio

import pytest

from {{ cookiecutter.package_name }}.records import (
    pages,
    source,
    tables,
)
from {{ cookiecutter.package_name }}.records.database import (
    DatabaseUnavailable,
)


@pytest.mark.parametrize("name", source.TABLES)
def test_a_table_of_the_service_can_be_read(name):
    async def read() -> None:
        table = tables.served_tables()[name]
        try:
            description = await table.describe()
        except DatabaseUnavailable as error:
            pytest.skip(error.detail)
        if description.key:
            selection = pages.Selection([*description.columns], [], None, 1_000)
            assert [batch async for batch in pages.walk(table, selection, 1_000)]

    asyncio.run(read())
