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


def test_an_unknown_table_gets_404_with_those_that_there_are(http, service):
    response = http.get(f"{service}/exports/nope")
    assert response.status_code == 404
    assert "readings" in response.json()["detail"]


def test_its_streams_are_counted(http, service):
    http.get(f"{service}/exports/readings")
    assert 'streaming_records_total{module="batch_export"}' in http.get(f"{service}/metrics").text
