"""A database that nobody here has made tables for, and what is asked of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import httpx2

ROWS = 5_000
TABLES = {
    "orders": "id",
    "sales.by day": ["day", "shop"],
    "we/ird é 東": "id",
    "limits": "limit",
    "no key": None,
    "repeats": "id",
}
ORDERS = f"""
    SELECT range AS id, 'customer ' || range % 7 AS customer, range / 4 AS total,
        TIMESTAMPTZ '2026-01-01 00:00:00Z' + to_seconds(range) AS at, range % 2 = 0 AS is_paid,
        DATE '2026-01-01' + (range % 28)::INTEGER AS due, range::HUGEINT AS big
    FROM range(1, {ROWS + 1})
"""  # noqa: S608
STATEMENTS = (
    f"CREATE TABLE orders AS {ORDERS}",
    "CREATE SCHEMA sales",
    """CREATE VIEW sales."by day" AS
        SELECT range // 10 AS day, 'shop ' || range % 10 AS shop, range AS sum FROM range(1000)""",
    """CREATE TABLE "we/ird é 東" (id INTEGER PRIMARY KEY, "a b" VARCHAR, "x""y" VARCHAR)""",
    """INSERT INTO "we/ird é 東" VALUES (1, 'eins', 'q'), (2, NULL, '')""",
    """CREATE TABLE limits AS SELECT 1 AS "limit", 2 AS "format", 3 AS "@key", 4 AS "model_x", 5 AS _y""",
    """CREATE TABLE "no key" AS SELECT 1 AS one""",
    "CREATE TABLE repeats AS SELECT range // 2 AS id FROM range(100)",
)


def environment_of(file: Path) -> dict[str, str]:
    """Make the database, and say what serves its tables."""
    with duckdb.connect(file) as connection:
        for statement in STATEMENTS:
            connection.execute(statement)
    return {"DATABASE_URL": f"duckdb:///{file}", "TABLES": json.dumps(TABLES)}


def rows_of(response: httpx2.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.split("\n")[:-1]]


FILTERS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "id=7": lambda row: row["id"] == 7,
    "id_from=100&id_before=200": lambda row: 100 <= row["id"] < 200,
    "customer=customer 3": lambda row: row["customer"] == "customer 3",
    "total_before=2.5": lambda row: row["total"] < 2.5,
    "at_from=2026-01-01T01:00:00%2B00:00": lambda row: row["at"] >= "2026-01-01T01:00:00Z",
    "is_paid=true&id_before=10": lambda row: row["id"] % 2 == 0 and row["id"] < 10,
    "due=2026-01-05": lambda row: row["due"] == "2026-01-05",
    "big=9": lambda row: row["id"] == 9,
    "customer=' OR true --": lambda row: False,
}

# What cannot be asked, and the parameter that is named.
WRONG = [
    ("id=x", "id"),
    ("id=99999999999999999999", "id"),
    ("at_from=yesterday", "at_from"),
    ("at=2026-01-01", "at"),
    ("due=2026-02-30", "due"),
    ("is_paid=perhaps", "is_paid"),
    ("total_from=much", "total_from"),
    ("customer=%00", "customer"),
    ("custommer=x", "custommer"),
    ("id=1&id=2", "id"),
    ("{columns}=id,nope", "{columns}"),
]
# Names in a URL, and what they are as the name of a file.
FILE_NAMES = [
    ("we%2Fird%20%C3%A9%20%E6%9D%B1", "filename*=UTF-8''we_ird%20%C3%A9%20%E6%9D%B1.csv"),
    ("we/ird é 東", "filename*=UTF-8''we_ird%20%C3%A9%20%E6%9D%B1.csv"),
    ("sales.by%20day", 'filename="sales.by day.csv"'),
]
