import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 60_000


@pytest.fixture
def url(service: str) -> str:
    return f"{service}/exports/readings"


def read_csv(body: bytes) -> list[int]:
    return [int(row["id"]) for row in csv.DictReader(io.StringIO(body.decode()))]


def read_json_lines(body: bytes) -> list[int]:
    return [json.loads(line)["id"] for line in body.splitlines()]


def read_parquet(body: bytes) -> list[int]:
    return pq.read_table(io.BytesIO(body))["id"].to_pylist()


def read_arrow(body: bytes) -> list[int]:
    return pa.ipc.open_stream(body).read_all()["id"].to_pylist()


@pytest.mark.parametrize(
    ("format", "media_type", "read"),
    [
        ("csv", "text/csv", read_csv),
        ("jsonl", "application/jsonl", read_json_lines),
        ("parquet", "application/vnd.apache.parquet", read_parquet),
        ("arrow", "application/vnd.apache.arrow.stream", read_arrow),
    ],
)
def test_every_format_carries_the_whole_table(http, url, format, media_type, read):
    response = http.get(url, params={"format": format})
    assert response.headers["content-type"].partition(";")[0] == media_type
    assert response.headers["content-disposition"] == f'attachment; filename="readings.{format}"'
    assert sorted(read(response.content)) == list(range(1, ROWS + 1))


def test_an_export_is_made_in_batches(http, url):
    file = pq.ParquetFile(io.BytesIO(http.get(url, params={"format": "parquet"}).content))
    assert file.num_row_groups > 1


def test_an_unknown_format_gets_422_with_those_that_there_are(http, url):
    response = http.get(url, params={"format": "xml"})
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["location"] == "query.format"
    assert "parquet" in error["detail"]


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
def test_parquet_and_arrow_are_compressed_within_the_file(http, url, compression):
    ask = {"compression": compression}
    parquet = http.get(url, params={"format": "parquet", **ask}).content
    group = pq.ParquetFile(io.BytesIO(parquet)).metadata.row_group(0)
    expected = {"none": "UNCOMPRESSED"}.get(compression, compression.upper())
    assert {group.column(i).compression for i in range(group.num_columns)} == {expected}
    assert sorted(read_parquet(parquet)) == list(range(1, ROWS + 1))
    arrow = http.get(url, params={"format": "arrow", **ask}).content
    plain = http.get(url, params={"format": "arrow"}).content
    assert (len(arrow) < len(plain)) == (compression != "none")
    assert sorted(read_arrow(arrow)) == list(range(1, ROWS + 1))


def test_parquet_encodes_each_column_by_its_type(http, url):
    file = pq.ParquetFile(io.BytesIO(http.get(url, params={"format": "parquet"}).content))
    group = file.metadata.row_group(0)
    encodings = {
        group.column(i).path_in_schema: group.column(i).encodings for i in range(group.num_columns)
    }
    assert "DELTA_BINARY_PACKED" in encodings["id"]
    assert "DELTA_BINARY_PACKED" in encodings["recorded_at"]
    assert "RLE_DICTIONARY" in encodings["sensor"]


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("format=csv&compression=zstd", "query.compression"),
        ("format=jsonl&compression=lz4", "query.compression"),
        ("format=parquet&compression=gzip", "query.compression"),
        ("colums=id", "query.colums"),
    ],
)
def test_what_a_format_has_not_is_named(http, url, query, location):
    for ask in (http.get, http.head):
        assert ask(f"{url}?{query}").status_code == 422
    [error] = http.get(f"{url}?{query}").json()["errors"]
    assert error["location"] == location


def test_an_unknown_table_gets_404_with_those_that_there_are(http, service):
    response = http.get(f"{service}/exports/nope")
    assert response.status_code == 404
    assert "readings" in response.json()["detail"]


def test_its_streams_are_counted(http, service):
    http.get(f"{service}/exports/readings")
    assert 'streaming_records_total{module="batch_export"}' in http.get(f"{service}/metrics").text
