"""What arrives of each type of DuckDB and PostgreSQL in each format, alone and within others."""

import io
import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

from {{ cookiecutter.package_name }}.records import (
    casts,
    formats,
)
from {{ cookiecutter.package_name }}.records.formats import (
    columns,
    leaves,
    objects,
    settings,
)

from tests.records.postgres import Database, required_database
from tests.records.types import DUCKDB, POSTGRESQL, TYPES_OF_POSTGRESQL, Value, typed
from tests.streaming.fixtures import PROJECT

# ruff: noqa: S608 - the values of a table are the SQL that is tested
PAGE = PROJECT / "docs" / "records" / "values.md"
OTHER_NAMES = {"ARRAY", "LIST", "NULL", "TIME WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"}
ROWS = 7
# What `pg_typeof` says of types whose bare name is that of one letter, or of one bit.
POSTGRESQL_NAMES = {"character": "bpchar", "bit": "varbit"}
Wrap = tuple[str, Callable[[Any], Any]]
WRAPS: dict[str, Wrap] = {
    "alone": ("VALUE", lambda value: value),
    "list": ("[VALUE, NULL]", lambda value: [value, None]),
    "array": ("array_value(VALUE, VALUE)", lambda value: [value, value]),
    "struct": ("{'a': VALUE}", lambda value: {"a": value}),
    "map": ("map {'k': VALUE}", lambda value: {"k": value}),
    "deep": ("[{'a': [{'b': VALUE}]}]", lambda value: [{"a": [{"b": value}]}]),
    "key": ("map {VALUE: 1}", lambda value: {str(value): 1}),
}


def encode(encoder: formats.Encoder, batch: pa.RecordBatch, records: int) -> bytes:
    """Of parts with so many records, as slices of a batch with a row before them."""
    parts = b"".join(encoder.encode_parts(batch.slice(1), records))
    return encoder.start() + parts + encoder.end(len(batch) - 1)


def lines_of(batch: pa.RecordBatch, records: int = ROWS) -> list[Any]:
    lines = encode(formats.JsonLines(), batch, records).decode().splitlines()
    return [json.loads(line)["v"] for line in lines]


def read_parquet(file: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(file))


def read_arrow(stream: bytes) -> pa.Table:
    return pa.ipc.open_stream(stream).read_all()


BINARY = ((formats.Parquet, read_parquet), (formats.ArrowStream, read_arrow))


def check(batch: pa.RecordBatch, expected: list[Any], cells: list[Any] | None = None) -> None:
    """All formats have these values behind the first row, however the batch is divided."""
    for records in (1, 2, ROWS):
        assert lines_of(batch, records) == expected
    array = json.loads(encode(formats.JsonArray(), batch, 3))
    assert [record["v"] for record in array] == expected
    header, *lines, _ = encode(formats.Csv(), batch, 3).decode().split("\n")
    cells = cells or [*map(as_cell, expected)]
    assert (header, [*map(parse_cell, lines, cells)]) == ("v", cells)
    for encoder, read in BINARY:
        table = read(encode(encoder(), batch, 3)).combine_chunks()
        assert (
            lines_of(pa.concat_tables([table[:1], table]).combine_chunks().to_batches()[0])
            == expected
        )


def as_cell(value: Any) -> Any:
    """What a value is in CSV: a text, JSON that is read, or `None` for NULL."""
    is_nested = isinstance(value, (list, dict)) and value
    return value if is_nested or value is None or isinstance(value, str) else json.dumps(value)


def parse_cell(cell: str, like: Any) -> Any:
    if not cell:
        return None
    text = cell[1:-1].replace('""', '"') if cell.startswith('"') else cell
    return text if isinstance(like, str) else json.loads(text)


def rows_of(value: Any) -> list[Any]:
    return [None if row % 3 == 2 else value for row in range(1, ROWS)]


def duckdb_batch(sql: str) -> pa.RecordBatch:
    rows = f"SELECT CASE WHEN i % 3 <> 2 THEN {sql} END AS v FROM range({ROWS}) AS r(i)"
    [batch] = casts.exact(duckdb.connect().sql(rows)).to_arrow_table().to_batches()
    return batch


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("value", DUCKDB, ids=lambda value: f"{value.type} {value.sql}"[:60])
def test_a_value_of_duckdb_arrives_in_every_format(value, wrap):
    sql, expect = WRAPS[wrap]
    is_scalar = isinstance(value.json, (str, int)) and not isinstance(value.json, bool)
    if wrap == "key" and not is_scalar:
        pytest.skip("no key")
    batch = duckdb_batch(sql.replace("VALUE", f"CAST({value.sql} AS {value.type})"))
    cells = rows_of(value.csv) if value.csv and wrap == "alone" else None
    check(batch, rows_of(expect(value.json)), cells)


NO_TEXT = {
    "opaque": pa.ExtensionArray.from_storage(
        pa.opaque(pa.binary(), "inet", "PostgreSQL"), pa.array([b"x"], pa.binary())
    ),
    "map of structs": pa.array(
        [[({"a": 1}, 1)]], pa.map_(pa.struct({"a": pa.int64()}), pa.int64())
    ),
}


@pytest.mark.parametrize("kind", NO_TEXT)
@pytest.mark.parametrize("encoder", [formats.JsonLines, formats.JsonArray, formats.Csv])
@pytest.mark.parametrize("rows", [0, 1])
def test_a_type_without_a_form_is_refused_by_the_name_of_column_and_type(kind, encoder, rows):
    column = NO_TEXT[kind][:rows]
    with pytest.raises(columns.Unrepresentable, match=f"'v'.*{re.escape(str(column.type))}"):
        encoder().encode(pa.record_batch({"v": column}))


UNIONS = {
    "sparse": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0, 1], pa.int8()), [pa.array([1, 2, 3, 4]), pa.array([*"abcd"])], ["n", "s"]
    ),
    "dense": pa.UnionArray.from_dense(
        pa.array([0, 1, 0, 1], pa.int8()),
        pa.array([0, 0, 1, 1], pa.int32()),
        [pa.array([1, 3]), pa.array([*"bd"])],
        ["n", "s"],
    ),
}
MEMBERS = [{"n": n, "s": s} for n, s in [(1, None), (None, "b"), (3, None), (None, "d")]]
ARROW: dict[str, tuple[pa.Array, list[Any]]] = {
    **{f"{kind} union": (union, MEMBERS) for kind, union in UNIONS.items()},
    "run-end encoded": (
        pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 4]), pa.array([1, None, 2])),
        [1, 1, None, 2],
    ),
    "list view": (
        pa.array([[1], None, [], [2, 3]], pa.list_view(pa.int8())),
        [[1], None, [], [2, 3]],
    ),
    "large list view": (
        pa.array([["a"], None, [], ["b"]], pa.large_list_view(pa.string_view())),
        [["a"], None, [], ["b"]],
    ),
    "fixed list": (
        pa.array([[1, 2], None, [3, None]], pa.list_(pa.int8(), 2)),
        [[1, 2], None, [3, None]],
    ),
    "string view": (pa.array(["a", None, ""], pa.string_view()), ["a", None, ""]),
    "dictionary of times": (
        pa.array([0, None, 0], pa.timestamp("s")).dictionary_encode(),
        ["1970-01-01T00:00:00Z", None, "1970-01-01T00:00:00Z"],
    ),
    "half": (pa.array([1.5, None, 2.5], pa.float16()), [1.5, None, 2.5]),
    "wide decimal": (
        pa.array([Decimal("1e-9"), None], pa.decimal256(50, 9)),
        ["0.000000001", None],
    ),
    "duration": (
        pa.array([90_061_000_000_001, None, -1], pa.duration("ns")),
        ["P1DT3661.000000001S", None, "PT-0.000000001S"],
    ),
    "struct that is not there": (
        pa.array([{"a": [{"b": 1}]}, None, {"a": None}]),
        [{"a": [{"b": 1}]}, None, {"a": None}],
    ),
    "map that is not there": (
        pa.array([[(1, "a")], None, []], pa.map_(pa.int8(), pa.string())),
        [{"1": "a"}, None, {}],
    ),
    "day in milliseconds": (pa.array([86_400_000, None], pa.date64()), ["1970-01-02", None]),
    "fixed bytes": (pa.array([b"\x00\xff", None], pa.binary(2)), ["00ff", None]),
}


@pytest.mark.parametrize("kind", ARROW)
def test_a_column_of_arrow_arrives_in_every_format(kind):
    column, expected = ARROW[kind]
    nested = pa.StructArray.from_arrays([column], ["a"])
    for start in range(len(column)):
        batch = pa.record_batch({"v": column}).slice(start)
        behind = expected[start + 1 :]
        if behind:
            check(batch, behind)
            check(pa.record_batch({"v": nested}).slice(start), [{"a": value} for value in behind])


@pytest.fixture(scope="module")
def database(require) -> Iterator[Database]:
    with required_database(require) as database:
        for statement in TYPES_OF_POSTGRESQL:
            database.fetch(statement)
        yield database


@pytest.fixture(scope="module")
def postgresql_batch(database) -> Iterator[Callable[[str], pa.RecordBatch]]:
    """The rows of an expression, with its type as `pg_typeof` has it."""
    with adbc.connect(database.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SET TimeZone = 'UTC'")

        def read(sql: str) -> pa.RecordBatch:
            cursor.execute(f"SELECT pg_typeof({sql})::text")
            [(sql_type,)] = cursor.fetchall()
            columns = casts.select_list(
                "postgresql", [("v", POSTGRESQL_NAMES.get(sql_type, sql_type))]
            )
            numbers = f"generate_series(0, {ROWS - 1}) AS i"
            rows = f"SELECT CASE WHEN i % 3 <> 2 THEN {sql} END AS v FROM {numbers}"
            cursor.execute(f"SELECT {columns} FROM ({rows}) AS rows")
            [batch] = cursor.fetch_arrow_table().combine_chunks().to_batches()
            return batch

        yield read


@pytest.mark.slow
@pytest.mark.parametrize("value", POSTGRESQL, ids=lambda value: f"{value.type} {value.sql}"[:60])
def test_a_value_of_postgresql_arrives_in_every_format(value, postgresql_batch):
    batch = postgresql_batch(typed(value))
    check(batch, rows_of(value.json), rows_of(value.csv) if value.csv else None)
    if value.type != "json":
        check(postgresql_batch(f"ARRAY[{typed(value)}, NULL]"), rows_of([value.json, None]))


@pytest.mark.slow
def test_an_array_of_two_dimensions_is_an_error_and_never_one_of_one(postgresql_batch):
    with pytest.raises(Exception, match="several dimensions"):
        postgresql_batch("ARRAY[ARRAY[1, 2], ARRAY[3, 4]]")


def table_of(values: list[Value], batch_of: Callable[[Value], pa.RecordBatch]) -> str:
    """The table of the docs: for each type its first value, as the formats have it."""
    lines = [
        "| type | value | JSON Lines, JSON array | CSV | Parquet | Arrow |",
        "| --- " * 6 + "|",
    ]
    for name, same in groupby(values, lambda value: value.type):
        value = next(same)
        batch = batch_of(value)[:1]
        line = formats.JsonLines().encode(batch).decode().strip().removeprefix('{"v":')[:-1]
        cell = formats.Csv().encode(batch).decode().removeprefix("v\n").removesuffix("\n")
        types = [
            read(encode(new(), pa.concat_batches([batch, batch]), 1)).schema.types[0]
            for new, read in BINARY
        ]
        cells = [name, value.sql, line, cell, *map(str, types)]
        lines.append(
            f"| {' | '.join('`' + text.replace('|', chr(92) + '|') + '`' for text in cells)} |"
        )
    return "\n".join(lines)


def check_docs(database: str, table: str) -> None:
    """`UPDATE_DOCS=1` writes the page anew."""
    begin, end = f"<!-- {database} -->\n\n", f"\n\n<!-- end of {database} -->"
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    shown, _, after = rest.partition(end)
    assert after
    if os.environ.get("UPDATE_DOCS") == "1":
        PAGE.write_text(before + begin + table + end + after, encoding="utf-8")
        shown = table
    assert shown == table


def test_the_docs_show_what_arrives_from_duckdb():
    check_docs("DuckDB", table_of(DUCKDB, lambda v: duckdb_batch(f"CAST({v.sql} AS {v.type})")))


@pytest.mark.slow
def test_the_docs_show_what_arrives_from_postgresql(postgresql_batch):
    check_docs("PostgreSQL", table_of(POSTGRESQL, lambda value: postgresql_batch(typed(value))))


def test_the_docs_have_every_type_of_duckdb():
    known = {value.type.partition("(")[0] for value in DUCKDB} | OTHER_NAMES
    query = (
        "SELECT DISTINCT logical_type FROM duckdb_types() WHERE schema_name = 'main' AND internal"
    )
    missing = {name for (name,) in duckdb.connect().sql(query).fetchall()} - known
    assert not missing


@pytest.mark.parametrize(
    ("zone", "at", "text"),
    [
        ("UTC", "2026-07-01T12:00:00", "2026-07-01T12:00:00Z"),
        ("Europe/Berlin", "2026-07-01T12:00:00", "2026-07-01T10:00:00Z"),
        ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),  # the first of two
    ],
)
def test_a_time_without_a_zone_is_in_that_of_the_settings(monkeypatch, zone, at, text):
    monkeypatch.setenv("RECORDS_NAIVE_TIME_ZONE", zone)
    monkeypatch.setattr(leaves, "format_settings", settings.FormatSettings)
    monkeypatch.setattr(objects, "format_settings", settings.FormatSettings)
    naive = pa.array([at, None], pa.string()).cast(pa.timestamp("us"))
    infinite = pa.array([2**63 - 1], pa.int64()).view(naive.type)
    batch = pa.record_batch({"v": pa.concat_arrays([naive[:1], naive, infinite])})
    check(batch, [text, None, "infinity"])
    model = {"v": datetime.fromisoformat(at)}
    assert json.loads(formats.JsonLines().encode([model])) == {"v": text}


TEXTS = pa.record_batch({"v": [2**53 + 1, None], "w": [[{"x": 1}], []], "z": [1.5, 2.5]})
OBJECTS = [{"v": 2**53 + 1, "w": [{"x": 1}], "z": 1.5}, {"v": None, "w": [], "z": 2.5}]


@pytest.mark.parametrize("records", [TEXTS, OBJECTS])
@pytest.mark.parametrize("encoder", [formats.JsonLines, formats.NdJson, formats.JsonArray])
def test_integers_are_exact_and_text_where_that_is_asked_for(encoder, records):
    def encoded(**options: Any) -> bytes:
        new = encoder(**options)
        return new.start() + new.encode(records) + new.end(2)

    assert b'"v":9007199254740993,"w":[{"x":1}],"z":1.5}' in encoded()
    assert b'"v":"9007199254740993","w":[{"x":"1"}],"z":1.5}' in encoded(integers_as_text=True)


class Text(BaseModel):
    v: str


@pytest.mark.parametrize("record", [{"v": "a\x85b\u2028c\u2029"}, Text(v="a\x85b\u2028c\u2029")])
def test_objects_have_no_line_end_within_a_line(record):
    line = formats.JsonLines().encode([record])
    assert line.decode().splitlines() == [r'{"v":"a\u0085b\u2028c\u2029"}']
    assert json.loads(line) == {"v": "a\x85b\u2028c\u2029"}


def test_null_and_empty_text_differ_in_csv():
    batch = pa.record_batch({"a": ["", None, '"'], "b": [None, "", "x"]})
    assert formats.Csv().encode(batch) == b'a,b\n"",\n,""\n"""",x\n'
    assert formats.Csv().encode(batch.select(["a"])) == b'a\n""\n\n""""\n'
    rows = [dict(zip("ab", row, strict=True)) for row in [("", None), (None, ""), ('"', "x")]]
    assert formats.Csv().encode(rows) == formats.Csv().encode(batch)
