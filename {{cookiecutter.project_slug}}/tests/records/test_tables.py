import asyncio
from pathlib import Path
from typing import Any

import duckdb
import pytest

from {{ cookiecutter.package_name }}.records import (
    Table,
    filters,
    pages,
    tables,
)
from {{ cookiecutter.package_name }}.records.connections import (
    connector_of,
)
from {{ cookiecutter.package_name }}.records.database import (
    Database,
    DatabaseUnavailable,
)

from tests.records.table_examples import TABLES

SHOP = """
    CREATE TABLE orders AS SELECT range AS id, range / 2 AS total, range % 2 = 0 AS is_paid
        FROM range(10);
    CREATE SCHEMA shop;
    CREATE TABLE shop.lines AS SELECT range // 3 AS order_id, range % 3 AS position, 'x' AS item,
        1.5 AS cost FROM range(9);
"""


@pytest.fixture
def database(tmp_path: Path) -> Database:
    with duckdb.connect(tmp_path / "data.duckdb") as connection:
        connection.execute(SHOP)
    url = f"duckdb:///{tmp_path / 'data.duckdb'}"
    return Database(connector_of(url), pool_size=2, timeout_seconds=10)


@pytest.mark.parametrize(
    ("name", "columns", "parameters", "rows"),
    [
        ("orders", ["id", "total", "is_paid"], {"id", "total_from", "is_paid"}, 10),
        ("lines", ["order_id", "position", "item"], {"item", "position_before"}, 9),
        ("paid", ["id", "total"], {"total", "total_from", "total_before"}, 5),
    ],
)
def test_a_table_has_what_the_docs_say(database, name, columns, parameters, rows):
    async def read() -> None:
        table = tables.ServedTable(name, TABLES[name], database)
        description = await table.describe()
        assert [*description.columns] == columns
        conditions = filters.conditions_of(description, ["limit"])
        assert parameters <= conditions.keys()
        assert not {"cost", "cost_from"} & conditions.keys()
        assert name != "paid" or parameters == conditions.keys()
        selection = pages.Selection(columns, [], None, None)
        batches = [batch async for batch in pages.walk(table, selection, 4)]
        assert sum(map(len, batches)) == rows

    asyncio.run(read())


@pytest.mark.parametrize(
    "table",
    [
        Table("orders", key="nope"),
        Table("orders", key="id", columns=["id", "nope"]),
        Table("orders", key="id", filters=["nope"]),
        Table("nope", key="id"),
        Table(query="SELECT 1 AS id FROM nope", key="id"),
    ],
)
def test_what_there_is_not_is_named(database, table):
    with pytest.raises(DatabaseUnavailable, match="'mine'"):
        asyncio.run(tables.ServedTable("mine", table, database).describe())


def test_a_table_is_a_relation_or_a_query():
    both: dict[str, Any] = {"relation": "orders", "query": "SELECT 1"}
    for arguments in ({}, both):
        with pytest.raises(TypeError, match="relation or a query"):
            Table(**arguments)
