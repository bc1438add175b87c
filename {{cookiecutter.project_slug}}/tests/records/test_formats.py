import csv
import io
import json
import math
import re
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from {{ cookiecutter.package_name }}.records import (
    formats,
)
from {{ cookiecutter.package_name }}.streaming import (
    problems,
)

ROWS = [
    {"id": 1, "text": 'a "quoted", ünïcode 🌡️ \u2028\nline', "value": 1.5},
    {"id": 2, "text": "", "value": math.nan},
    {"id": 3, "text": None, "value": math.inf},
]
SCHEMA = pa.schema({"id": pa.int64(), "text": pa.string(), "value": pa.float64()})
BATCHES = [pa.RecordBatch.from_pylist(rows, SCHEMA) for rows in (ROWS[:2], ROWS[2:])]
EMPTY = BATCHES[0].slice(0, 0)


def encode(encoder: formats.Encoder, *batches: pa.RecordBatch) -> bytes:
    chunks = [encoder.start(), *(encoder.encode(batch) for batch in batches)]
    return b"".join(chunks) + encoder.end(sum(map(len, batches)))


@pytest.fixture
def finite() -> list[dict]:
    return [{**row, "value": 1.5 if row["id"] == 1 else None} for row in ROWS]


def test_json_lines_has_a_line_for_each_record(finite):
    lines = encode(formats.JsonLines(), *BATCHES).decode().split("\n")
    assert [json.loads(line) for line in lines[:-1]] == finite
    assert lines[-1] == ""


def test_a_json_array_is_one_document_however_it_is_batched(finite):
    for batches in (BATCHES, [EMPTY, *BATCHES], [BATCHES[0], EMPTY, BATCHES[1]]):
        assert json.loads(encode(formats.JsonArray(), *batches)) == finite


def test_csv_has_the_columns_of_the_first_batch_in_whatever_order_the_others_have_theirs():
    encoder = formats.Csv()
    lines = encoder.encode([{"a": 1, "b": 2}]) + encoder.encode([{"b": 4, "a": 3}])
    assert lines == b"a,b\n1,2\n3,4\n"


def test_a_json_array_that_is_cut_off_does_not_parse():
    encoder = formats.JsonArray()
    cut_off = encoder.start() + encoder.encode(BATCHES[0])
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut_off)


def test_csv_has_one_header_and_a_row_for_each_record():
    text = encode(formats.Csv(), *BATCHES).decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == ["id", "text", "value"]
    assert rows == [["1", ROWS[0]["text"], "1.5"], ["2", "", "NaN"], ["3", "", "inf"]]


@pytest.mark.parametrize("start", list("=+-@\t\r\n\uff1d\uff20"))
def test_csv_text_never_begins_as_a_formula(start):
    batch = pa.RecordBatch.from_pylist([{"text": f"{start}cmd|' /C calc'!A0", "number": -1}])
    _, row = csv.reader(io.StringIO(encode(formats.Csv(), batch).decode(), newline=""))
    assert row == [f"'{start}cmd|' /C calc'!A0", "-1"]


def test_csv_text_of_every_type_is_guarded():
    text = pa.array(["=1+1"])
    types = [text.cast(pa.large_string()), text.dictionary_encode()]
    batch = pa.record_batch(types, names=["large", "dictionary"])
    _, row = csv.reader(io.StringIO(encode(formats.Csv(), batch).decode(), newline=""))
    assert row == ["'=1+1", "'=1+1"]


def test_csv_can_be_made_for_other_readers():
    batch = pa.RecordBatch.from_pylist([{"text": "=1+1", "more": "a;b"}])
    encoder = formats.Csv(delimiter=";", guard_formulas=False, byte_order_mark=True)
    assert encode(encoder, batch, batch).decode("utf-8-sig") == (
        'text;more\n=1+1;"a;b"\n=1+1;"a;b"\n'
    )


def test_csv_refuses_a_batch_with_other_columns():
    encoder = formats.Csv()
    encoder.encode(pa.RecordBatch.from_pylist([{"a": 1}]))
    with pytest.raises(ValueError, match="columns"):
        encoder.encode(pa.RecordBatch.from_pylist([{"b": 1}]))


@pytest.mark.parametrize(
    ("floats", "encoding"),
    [
        ("round(random() * 30, 2)", "RLE_DICTIONARY"),
        ("floor(random() * 7) / 10", "RLE_DICTIONARY"),
        ("round(random() * 1000, 2)", "PLAIN"),
        ("random()", "BYTE_STREAM_SPLIT"),
        ("sqrt(range)", "BYTE_STREAM_SPLIT"),
    ],
)
def test_parquet_is_as_small_as_that_of_duckdb(floats, encoding, tmp_path):
    with duckdb.connect() as connection:
        query = f"SELECT ({floats})::DOUBLE AS value FROM range(200000)"  # noqa: S608
        connection.execute(f"CREATE TABLE floats AS {query}")
        connection.execute(f"COPY floats TO '{tmp_path / 'copy'}' (FORMAT parquet, CODEC zstd)")
        body = encode(formats.Parquet(), *connection.sql("FROM floats").to_arrow_reader(20_480))
    assert len(body) <= 1.05 * (tmp_path / "copy").stat().st_size
    column = pq.read_metadata(io.BytesIO(body)).row_group(0).column(0)
    assert encoding in column.encodings


def test_parquet_and_arrow_keep_every_value():
    parquet = pq.read_table(io.BytesIO(encode(formats.Parquet(), *BATCHES)))
    arrow = pa.ipc.open_stream(encode(formats.ArrowStream(), *BATCHES)).read_all()
    # `str`, because NaN is not equal to itself
    assert str(parquet.to_pylist()) == str(arrow.to_pylist()) == str(ROWS)


@pytest.mark.parametrize("encoder", [formats.Parquet, formats.ArrowStream])
def test_a_binary_format_is_sent_as_it_is_made(encoder):
    batch = pa.record_batch({"id": range(10_000)})
    assert any(encoder.encode(batch) for encoder in [encoder()] for _ in range(5))


def test_row_groups_grow_with_the_file_so_that_the_footer_stays_small():
    batch = pa.record_batch({f"column {number}": range(1_000) for number in range(50)})
    file = pq.ParquetFile(io.BytesIO(encode(formats.Parquet(), *[batch] * 400)))
    groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
    assert groups[0].num_rows == 1_000
    assert groups[-2].num_rows > 5_000
    assert sum(group.num_rows for group in groups) == 400_000


def test_timestamps_are_rfc_3339_in_utc():
    moment = datetime(2026, 3, 29, 1, 30, 0, 250_000, UTC)
    batch = pa.record_batch({"at": pa.array([moment], pa.timestamp("us", "UTC"))})
    for encoder in (formats.JsonLines(), formats.Csv()):
        assert re.search(r"2026-03-29T01:30:00\.250(000)?Z", encode(encoder, batch).decode())


def test_decimals_keep_their_digits():
    batch = pa.record_batch({"amount": pa.array([Decimal("0.10")], pa.decimal128(20, 2))})
    assert encode(formats.JsonLines(), batch) == b'{"amount":"0.10"}\n'
    assert encode(formats.Csv(), batch) == b"amount\n0.10\n"


def test_the_end_record_counts_and_the_error_record_says_why():
    encoder = formats.JsonLines(end_record=True)
    assert json.loads(encoder.end(3)) == {"@end": {"status": "complete", "records": 3}}
    problem = problems.describe(RuntimeError("secret"))
    end = json.loads(encoder.fail(2, problem))["@end"]
    assert (end["status"], end["records"], end["problem"]["status"]) == ("error", 2, 500)
    assert "secret" not in str(end)


def test_the_end_record_has_the_cursor_where_there_is_one():
    encoder = formats.JsonLines(end_record=True)
    encoder.cursor = "abc"
    assert json.loads(encoder.end(3))["@end"]["cursor"] == "abc"


def test_without_an_end_record_nothing_is_added():
    encoder = formats.JsonLines()
    assert encoder.end(3) == encoder.fail(3, problems.describe(RuntimeError())) == b""
