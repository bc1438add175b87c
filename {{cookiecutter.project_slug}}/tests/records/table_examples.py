"""The tables of docs/records.md, which `test_tables.py` opens."""

from {{ cookiecutter.package_name }}.records import (
    Table,
)

TABLES = {
    "orders": Table("orders", key="id"),
    "lines": Table("shop.lines", key=["order_id", "position"], hidden=["cost"]),
    "paid": Table(
        query="SELECT id, total FROM orders WHERE is_paid",
        key="id",
        filters=["total"],
        headings={"de": {"total": "Summe"}},
    ),
}
