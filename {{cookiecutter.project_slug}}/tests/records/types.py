"""Every type of DuckDB and of PostgreSQL with values of it, and what arrives of them.

A row: the type, a value as SQL has it, and its JSON, of which CSV has the text unless another is given.
docs/records/values.md shows the first row of each type.
"""

from typing import Any, NamedTuple

MOST_128 = str(2**128 - 1)
MOST_127 = str(2**127 - 1)
BIG = "123456789012345678901234567890123456789012345"
UUID = "00000000-0000-0000-0000-00000000000a"


class Value(NamedTuple):
    type: str
    sql: str
    json: Any
    csv: str | None = None


DUCKDB = [
    Value("BOOLEAN", "true", True, csv="true"),
    Value("TINYINT", "-128", -128),
    Value("SMALLINT", "-32768", -32768),
    Value("INTEGER", "-2147483648", -(2**31)),
    Value("BIGINT", "9007199254740993", 2**53 + 1),
    Value("BIGINT", "-9223372036854775808", -(2**63)),
    Value("HUGEINT", MOST_127, MOST_127),
    Value("UTINYINT", "255", 255),
    Value("USMALLINT", "65535", 65535),
    Value("UINTEGER", "4294967295", 2**32 - 1),
    Value("UBIGINT", "18446744073709551615", 2**64 - 1),
    Value("UHUGEINT", MOST_128, MOST_128),
    Value("BIGNUM", BIG, BIG),
    Value("FLOAT", "1.5", 1.5),
    Value("DOUBLE", "0.1", 0.1),
    Value("DOUBLE", "-1e300", -1e300, csv="-1e300"),
    Value("DOUBLE", "'NaN'", None, csv="NaN"),
    Value("DOUBLE", "'-infinity'", None, csv="-inf"),
    Value("DECIMAL(18, 2)", "0.10", "0.10"),
    Value("DECIMAL(38, 10)", "0", "0.0000000000"),
    Value("DECIMAL(38, 0)", "-" + "9" * 38, "-" + "9" * 38),
    Value("VARCHAR", "'ü'", "ü"),
    Value("VARCHAR", "''", ""),
    Value("VARCHAR", "'a'||chr(133)||chr(8232)||chr(8233)", "a\x85\u2028\u2029"),
    Value("JSON", """'{"a": 1}'""", '{"a": 1}'),
    Value("BLOB", "'\\x00\\xFF'", "00ff"),
    Value("BIT", "'10101'", "10101"),
    Value("UUID", f"'{UUID}'", UUID),
    Value("ENUM('a', 'b')", "'b'", "b"),
    Value("DATE", "'2026-01-31'", "2026-01-31"),
    Value("DATE", "'infinity'", "infinity"),
    Value("DATE", "'0044-03-15 (BC)'", "-0043-03-15"),
    Value("DATE", "'5881580-07-10'", "+5881580-07-10"),
    Value("TIME", "'12:34:56.789'", "12:34:56.789"),
    Value("TIME", "'24:00:00'", "24:00:00"),
    Value("TIME_NS", "'12:34:56.123456789'", "12:34:56.123456789"),
    Value("TIMETZ", "'12:34:56+02'", "12:34:56+02"),
    Value("TIMESTAMP", "'2026-01-31 12:34:56'", "2026-01-31T12:34:56Z"),
    Value("TIMESTAMP", "'infinity'", "infinity"),
    Value("TIMESTAMP", "'-infinity'", "-infinity"),
    Value("TIMESTAMP", "'0044-03-15 (BC)'", "-0043-03-15T00:00:00Z"),
    Value("TIMESTAMP", "'12026-01-01'", "+12026-01-01T00:00:00Z"),
    Value("TIMESTAMP", "'294247-01-10 04:00:54'", "+294247-01-10T04:00:54Z"),
    Value("TIMESTAMP_S", "'2026-01-31 12:34:56'", "2026-01-31T12:34:56Z"),
    Value("TIMESTAMP_S", "'infinity'", "infinity"),
    Value("TIMESTAMP_MS", "'2026-01-31 12:34:56.789'", "2026-01-31T12:34:56.789Z"),
    Value("TIMESTAMP_NS", "'2026-01-31 00:00:00.000000001'", "2026-01-31T00:00:00.000000001Z"),
    Value("TIMESTAMP_NS", "'infinity'", "infinity"),
    Value("TIMESTAMPTZ", "'2026-01-31 12:34:56+02'", "2026-01-31T10:34:56Z"),
    Value("TIMESTAMPTZ", "'-infinity'", "-infinity"),
    Value("TIMESTAMPTZ_NS", "'2026-01-31 00:00:00.000000001+02'", "2026-01-30T22:00:00.000000001Z"),
    Value("INTERVAL", "'14 months -2 days 1 hour'", "P14M-2DT3600S"),
    Value("INTERVAL", "'0 days'", "PT0S"),
    Value("VARIANT", "{'a': [1]}", '{"a":[1]}'),
    Value("UNION(n INTEGER, s VARCHAR)", "'x'", {"n": None, "s": "x"}),
    Value("INTEGER[]", "[1, NULL]", [1, None]),
    Value("INTEGER[2]", "[1, 2]", [1, 2]),
    Value("MAP(INTEGER, VARCHAR)", "map {1: 'a'}", {"1": "a"}),
    Value("STRUCT(a HUGEINT)", "{'a': 1}", {"a": "1"}),
    Value("TUPLE(INTEGER, BIT)", "row(1, '01'::BIT)", {"element1": 1, "element2": "01"}),
    Value("TYPE", "get_type(1)", "INTEGER"),
    Value("GEOMETRY", "'POINT(1 2)'", "0101000000000000000000f03f0000000000000040"),
]

POSTGRESQL = [
    Value("boolean", "true", True, csv="true"),
    Value("smallint", "-32768", -32768),
    Value("integer", "1", 1),
    Value("bigint", "9007199254740993", 2**53 + 1),
    Value("oid", "4294967295", "4294967295"),
    Value("real", "1.5", 1.5),
    Value("double precision", "0.1", 0.1),
    Value("double precision", "'NaN'", None, csv="NaN"),
    Value("numeric", "0.10", "0.10"),
    Value("numeric", "'NaN'", "NaN"),
    Value("numeric", "'-Infinity'", "-Infinity"),
    Value("numeric(10, 2)", "1.5", "1.50"),
    Value("money", "1234.5", "$1,234.50"),
    Value("text", "'ü'", "ü"),
    Value("text", "''", ""),
    Value("varchar(5)", "'ü'", "ü"),
    Value("char(3)", "'a'", "a  "),
    Value("name", "'a'", "a"),
    Value("bytea", "'\\x00ff'", "00ff"),
    Value("bit(3)", "'101'", "101"),
    Value("varbit", "'10101'", "10101"),
    Value("uuid", f"'{UUID}'", UUID),
    Value("json", """'{"a": 1}'""", '{"a": 1}'),
    Value("jsonb", """'{"a": 1}'""", '{"a": 1}'),
    Value("xml", "'<a/>'", "<a/>"),
    Value("date", "'2026-01-31'", "2026-01-31"),
    Value("date", "'infinity'", "infinity"),
    Value("date", "'-infinity'", "-infinity"),
    Value("date", "'0044-03-15 BC'", "-0043-03-15"),
    Value("time", "'12:34:56.789'", "12:34:56.789"),
    Value("time", "'24:00'", "24:00:00"),
    Value("timetz", "'12:34:56+02'", "12:34:56+02"),
    Value("timestamp", "'2026-01-31 12:34:56'", "2026-01-31T12:34:56Z"),
    Value("timestamp", "'infinity'", "infinity"),
    Value("timestamp", "'0044-03-15 BC'", "-0043-03-15T00:00:00Z"),
    Value("timestamp", "'12026-01-01'", "+12026-01-01T00:00:00Z"),
    Value("timestamptz", "'2026-01-31 12:34:56+02'", "2026-01-31T10:34:56Z"),
    Value("timestamptz", "'-infinity'", "-infinity"),
    Value("interval", "'14 months -2 days 1 hour'", "P14M-2DT3600S"),
    Value("inet", "'10.0.0.1/8'", "10.0.0.1/8"),
    Value("cidr", "'10.0.0.0/8'", "10.0.0.0/8"),
    Value("macaddr", "'08:00:2b:01:02:03'", "08:00:2b:01:02:03"),
    Value("macaddr8", "'08:00:2b:01:02:03:04:05'", "08:00:2b:01:02:03:04:05"),
    Value("point", "'(1,2)'", "(1,2)"),
    Value("line", "'{1,2,3}'", "{1,2,3}"),
    Value("lseg", "'((1,2),(3,4))'", "[(1,2),(3,4)]"),
    Value("box", "'((1,2),(3,4))'", "(3,4),(1,2)"),
    Value("path", "'((1,2),(3,4))'", "((1,2),(3,4))"),
    Value("polygon", "'((1,2),(3,4))'", "((1,2),(3,4))"),
    Value("circle", "'<(1,2),3>'", "<(1,2),3>"),
    Value("int4range", "'[1,3]'", "[1,4)"),
    Value("tstzrange", "'[2026-01-01 00:00+00,)'", '["2026-01-01 00:00:00+00",)'),
    Value("int4multirange", "'{[1,3]}'", "{[1,4)}"),
    Value("tsvector", "'a b'", "'a' 'b'"),
    Value("tsquery", "'a & b'", "'a' & 'b'"),
    Value("pg_lsn", "'0/1'", "0/1"),
    Value("an enum", "'happy'::mood", "happy"),
    Value("a composite type", "row(1, 'a')::pair", "(1,a)"),
]

NO_COLUMNS = {"TYPE"}  # which DuckDB has in no table


def table_statement(values: list[Value], rows: str) -> tuple[str, dict[str, Value]]:
    """What makes the table `every`, with a column for each value, and its columns.

    A third of the rows has NULL. `rows` gives numbers in SQL, as `i`.
    """
    columns = {f"c{n}": value for n, value in enumerate(values) if value.type not in NO_COLUMNS}
    selected = ", ".join(
        f"CASE WHEN i % 3 <> 2 THEN {typed(value)} END AS {name}" for name, value in columns.items()
    )
    return f"CREATE TABLE every AS SELECT i AS id, {selected} FROM {rows}", columns  # noqa: S608


def typed(value: Value) -> str:
    is_named = not value.type.startswith(("an enum", "a composite"))
    return f"CAST({value.sql} AS {value.type})" if is_named else value.sql


def record_of(row: int, columns: dict[str, Value]) -> dict[str, Any]:
    values = {name: value.json if row % 3 != 2 else None for name, value in columns.items()}
    return {"id": row, **values}


TYPES_OF_POSTGRESQL = (
    "CREATE TYPE mood AS ENUM ('happy')",
    "CREATE TYPE pair AS (a int, b text)",
)
