"""Which columns a database casts, as Arrow would have other values for their type, or none.

Text is the database's own. What Arrow has, `formats/columns.py` brings into each format.
"""

import re
from collections.abc import Iterable
from typing import Any

import duckdb

from .table import quote

# DuckDB gives Arrow wrong values of some, and the insides of others.
DUCKDB_CASTS = {
    **dict.fromkeys(
        ["hugeint", "uhugeint", "bignum", "bit", "time with time zone", "type"], "VARCHAR"
    ),
    "variant": "JSON",
    # In which infinity is no number of seconds.
    **dict.fromkeys(["timestamp_s", "timestamp_ms"], "TIMESTAMP"),
}
NESTED = {"list", "array", "map", "struct", "tuple", "union"}
# What ADBC has the right values of, and of one-dimensional arrays of them.
POSTGRESQL_EXACT = re.compile(
    r"""boolean|smallint|integer|bigint|real|double\ precision|date|interval|uuid|jsonb?|bytea
    |text|name|"char"|bpchar|character(\ varying)?(\(\d+\))?
    |time(\(\d\))?\ without\ time\ zone|timestamp(\(\d\))?\ with(out)?\ time\ zone""",
    re.VERBOSE,
)


def exact(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The relation with its columns as Arrow can have them."""
    if not any(map(_is_inexact, relation.types)):
        return relation
    columns = zip(relation.columns, relation.types, strict=True)
    return relation.project(", ".join(_duckdb_column(*column) for column in columns))


def select_list(dialect: str, columns: Iterable[tuple[str, str]]) -> str:
    """The columns of a query, given with their types as `DESCRIBE` or `pg_typeof` has them.

    An array of several dimensions in PostgreSQL, which ADBC would flatten, is an error of the query.
    """
    if dialect == "duckdb":
        return ", ".join(_duckdb_column(name, duckdb.sqltype(text)) for name, text in columns)
    if dialect == "postgresql":
        return ", ".join(_postgresql_column(quote(name), text) for name, text in columns)
    return ", ".join(quote(name) for name, _ in columns)


def _postgresql_column(name: str, data_type: str) -> str:
    element = data_type.removesuffix("[]")
    is_exact = POSTGRESQL_EXACT.fullmatch(element)
    if element == data_type:
        return name if is_exact else f"{name}::text AS {name}"
    carried = name if is_exact else f"{name}::text[]"
    refused = (
        f"('several dimensions: ' || array_dims({name}))::{data_type if is_exact else 'text[]'}"
    )
    return f"CASE WHEN array_ndims({name}) > 1 THEN {refused} ELSE {carried} END AS {name}"


def _duckdb_column(name: str, data_type: Any) -> str:
    quoted = quote(name)
    is_cast = _is_inexact(data_type)
    return f"CAST({quoted} AS {_target(data_type)}) AS {quoted}" if is_cast else quoted


def _is_inexact(data_type: Any) -> bool:
    if data_type.id in NESTED:
        return any(
            _is_inexact(child) for _, child in data_type.children if not isinstance(child, int)
        )
    return data_type.id in DUCKDB_CASTS


def _target(data_type: Any) -> str:
    """The type that a value of this type of DuckDB is cast to."""
    if data_type.id not in NESTED:
        return DUCKDB_CASTS.get(data_type.id, str(data_type))
    children = [child for _, child in data_type.children]
    match data_type.id:
        case "list":
            return f"{_target(children[0])}[]"
        case "array":
            return f"{_target(children[0])}[{children[1]}]"
        case "struct":
            return f"STRUCT({_members(data_type.children)})"
        case "union":
            return f"UNION({_members(data_type.children[1:])})"  # the first is the tag
    return f"{data_type.id}({', '.join(map(_target, children))})"  # a map or a tuple


def _members(children: list[tuple[str, Any]]) -> str:
    return ", ".join(f"{quote(name)} {_target(child)}" for name, child in children)
