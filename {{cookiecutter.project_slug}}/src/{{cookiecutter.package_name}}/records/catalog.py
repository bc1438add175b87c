"""What a database says of a relation: its columns, their types, and which of them are a key."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from .database import Database
from .table import Table, literal, quote

# Repeated keys are looked for in a table that has no more rows than this, as the database has it.
MOST_ROWS_LOOKED_AT = 1_000_000
# What `pg_typeof` says of types whose bare name is that of one letter, or of one bit.
POSTGRESQL_NAMES = {"character": "bpchar", "bit": "varbit"}
INTEGER_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
# For databases that do not tell: what their Arrow types are called in SQL.
SQL_TYPES = (
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_integer, "BIGINT"),
    (pa.types.is_floating, "DOUBLE PRECISION"),
    (pa.types.is_decimal, "DECIMAL(38, 10)"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_timestamp, "TIMESTAMP"),
)

DUCKDB_TABLE = """
    FROM (SELECT
        {table} AS of_table, coalesce({schema}, current_schema()) AS of_schema,
        current_database() AS of_database
    )
"""
DUCKDB_UNIQUE = """
    SELECT constraint_column_names AS names
    FROM duckdb_constraints(), ({table})
    WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE') AND table_name = of_table
        AND schema_name = of_schema AND database_name = of_database
"""
DUCKDB_NOT_NULL = """
    SELECT column_name AS name
    FROM duckdb_columns(), ({table})
    WHERE NOT is_nullable AND table_name = of_table
        AND schema_name = of_schema AND database_name = of_database
"""
DUCKDB_ROWS = """
    SELECT estimated_size AS rows
    FROM duckdb_tables(), ({table})
    WHERE table_name = of_table AND schema_name = of_schema AND database_name = of_database
"""
# A unique index holds for all rows unless it is partial, deferred, or of a parent of other tables.
POSTGRESQL_UNIQUE = """
    SELECT ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = indrelid AND attnum = ANY (indkey[0:indnkeyatts - 1])
    ) AS names
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE indrelid = to_regclass({regclass}) AND indisunique AND indisvalid AND indimmediate
        AND indpred IS NULL AND indexprs IS NULL AND (relkind = 'p' OR NOT relhassubclass)
"""
POSTGRESQL_NOT_NULL = """
    SELECT attname::text AS name FROM pg_attribute
    WHERE attrelid = to_regclass({regclass}) AND attnotnull AND attnum > 0
"""
# That of a column, and of a domain the one that it is of.
POSTGRESQL_TYPE = """
    SELECT format_type(coalesce(nullif(typbasetype, 0), oid), NULL) FROM pg_type
    WHERE oid = pg_typeof(described.{column})::oid
"""
POSTGRESQL_ROWS = """
    SELECT reltuples::bigint AS rows FROM pg_class
    WHERE oid = to_regclass({regclass}) AND reltuples >= 0
"""


class Column(NamedTuple):
    """`sql_type` is its type as a CAST takes it."""

    name: str
    sql_type: str

    @property
    def integers(self) -> range:
        """All that it can have; empty where it is of no integers, or of any."""
        name = self.sql_type.upper()
        if not (bits := INTEGER_BITS.get(name.removeprefix("U"))):
            return range(0)
        return range(2**bits) if name.startswith("U") else range(-(2**bits) // 2, 2**bits // 2)


class Declared(NamedTuple):
    """What is declared of a table; of a view and a query, nothing is."""

    unique: list[frozenset[str]]
    not_null: frozenset[str]
    rows: int | None


async def read_columns(database: Database, table: Table) -> list[Column]:
    if database.dialect == "duckdb":
        described = await rows_of(database, f"DESCRIBE SELECT * FROM {table.sql} AS described")
        return [Column(row["column_name"], row["column_type"]) for row in described]
    everything = f"SELECT * FROM {table.sql} AS described"
    if database.dialect != "postgresql":
        [first] = await database.fetch(
            f"{everything} LIMIT 1"
        )  # SQLite's types are those of values
        return [Column(field.name, _sql_type(field.type)) for field in first.schema]
    [empty] = await database.fetch(f"{everything} LIMIT 0")
    types = ", ".join(
        f"({POSTGRESQL_TYPE.format(column=quote(name))}) AS {quote(str(number))}"
        for number, name in enumerate(empty.schema.names)
    )
    one_row = f"FROM (SELECT 1) AS one LEFT JOIN {table.sql} AS described ON false"
    [row] = await rows_of(database, f"SELECT {types} {one_row}")
    return [
        Column(name, POSTGRESQL_NAMES.get(sql_type, sql_type))
        for name, sql_type in zip(empty.schema.names, row.values(), strict=True)
    ]


async def read_declared(database: Database, table: Table) -> Declared:
    queries: tuple[str, ...] = ()
    if table.path and database.dialect == "duckdb":
        *schema, name = map(literal, table.path)
        of = DUCKDB_TABLE.format(table=name, schema=schema[-1] if schema else "NULL")
        queries = DUCKDB_UNIQUE, DUCKDB_NOT_NULL, DUCKDB_ROWS
        queries = tuple(query.format(table=of) for query in queries)
    elif table.path and database.dialect == "postgresql":
        queries = POSTGRESQL_UNIQUE, POSTGRESQL_NOT_NULL, POSTGRESQL_ROWS
        queries = tuple(query.format(regclass=literal(table.sql)) for query in queries)
    if not queries:
        return Declared([], frozenset(), None)
    unique, not_null, rows = [await rows_of(database, query) for query in queries]
    return Declared(
        [frozenset(row["names"]) for row in unique],
        frozenset(row["name"] for row in not_null),
        rows[0]["rows"] if rows else None,
    )


async def rows_of(database: Database, sql: str) -> Sequence[dict[str, Any]]:
    return pa.Table.from_batches(await database.fetch(sql)).to_pylist()


def _sql_type(data_type: pa.DataType) -> str:
    return next((name for is_type, name in SQL_TYPES if is_type(data_type)), "VARCHAR")
