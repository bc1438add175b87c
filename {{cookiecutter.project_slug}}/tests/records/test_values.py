"""The forms of values are the same whatever a record is made of, and in every format."""

import csv
import dataclasses
import enum
import io
import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

from {{ cookiecutter.package_name }}.records import (
    formats,
)

IN_PARIS = timezone(timedelta(hours=2))


class Color(enum.Enum):
    RED = "red"


VALUES = {
    "id": 1,
    "text": '"quoted", ünï\u2028🌡️\nline',
    "not_a_number": math.nan,
    "infinite": -math.inf,
    "amount": Decimal("0.10"),
    "at": datetime(2026, 3, 29, 3, 30, tzinfo=IN_PARIS),
    "naive": datetime(2026, 1, 1),
    "day": date(2026, 1, 1),
    "span": timedelta(seconds=5),
    "raw": b"\x00\xff",
    "missing": None,
    "many": [1, 2],
}
JSON = {
    "id": 1,
    "text": '"quoted", ünï\u2028🌡️\nline',
    "not_a_number": None,
    "infinite": None,
    "amount": "0.10",
    "at": "2026-03-29T01:30:00Z",
    "naive": "2026-01-01T00:00:00Z",
    "day": "2026-01-01",
    "span": "PT5S",
    "raw": "00ff",
    "missing": None,
    "many": [1, 2],
    "color": "red",
    "inner": {"at": "2026-03-29T01:30:00Z", "amount": "0.10"},
}
CSV = {
    "id": "1",
    "text": '"quoted", ünï\u2028🌡️\nline',
    "not_a_number": "NaN",
    "infinite": "-inf",
    "amount": "0.10",
    "at": "2026-03-29T01:30:00Z",
    "naive": "2026-01-01T00:00:00Z",
    "day": "2026-01-01",
    "span": "PT5S",
    "raw": "00ff",
    "missing": "",
    "many": "[1,2]",
    "color": "red",
    "inner": '{"at":"2026-03-29T01:30:00Z","amount":"0.10"}',
}

INNER_FIELDS = {"at": datetime, "amount": Decimal}
FIELDS = {
    "id": int,
    "text": str,
    "not_a_number": float,
    "infinite": float,
    "amount": Decimal,
    "at": datetime,
    "naive": datetime,
    "day": date,
    "span": timedelta,
    "raw": bytes,
    "missing": str | None,
    "many": list[int],
    "color": Color,
}


def model(name: str, fields: dict[str, Any]) -> Any:
    return type(name, (BaseModel,), {"__annotations__": fields})


def make_model() -> Any:
    inner = model("Inner", INNER_FIELDS)
    record = model("Record", {**FIELDS, "inner": inner})
    return record(**VALUES, color=Color.RED, inner=inner(at=VALUES["at"], amount=VALUES["amount"]))


def make_dataclass() -> Any:
    inner = dataclasses.make_dataclass("Inner", list(INNER_FIELDS.items()))
    record = dataclasses.make_dataclass("Record", [*FIELDS.items(), ("inner", inner)])
    return record(**VALUES, color=Color.RED, inner=inner(VALUES["at"], VALUES["amount"]))


def make_struct() -> Any:
    inner = msgspec.defstruct("Inner", list(INNER_FIELDS.items()))
    record = msgspec.defstruct("Record", [*FIELDS.items(), ("inner", inner)])
    return record(**VALUES, color=Color.RED, inner=inner(VALUES["at"], VALUES["amount"]))


def make_dict() -> Any:
    return {
        **VALUES,
        "color": Color.RED,
        "inner": {"at": VALUES["at"], "amount": VALUES["amount"]},
    }


def make_batch() -> pa.RecordBatch:
    inner = {"at": VALUES["at"], "amount": VALUES["amount"]}
    return pa.RecordBatch.from_pylist([{**VALUES, "color": "red", "inner": inner}])


OBJECTS = [make_model, make_dataclass, make_struct, make_dict]


def encode(encoder: formats.Encoder, batch: formats.Batch) -> bytes:
    return encoder.start() + encoder.encode(batch) + encoder.end(len(batch))


@pytest.fixture(params=[*OBJECTS, make_batch])
def batch(request: pytest.FixtureRequest) -> formats.Batch:
    made = request.param()
    return made if isinstance(made, pa.RecordBatch) else [made]


@pytest.mark.parametrize("encoder", [formats.JsonLines, formats.NdJson])
def test_json_lines(batch, encoder):
    line = encode(encoder(), batch)
    assert json.loads(line) == JSON
    assert line.count(b"\n") == 1


def test_a_json_array(batch):
    assert json.loads(encode(formats.JsonArray(), batch)) == [JSON]


def test_csv(batch):
    text = encode(formats.Csv(), batch).decode()
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row == CSV


def test_binary_formats(batch):
    parquet = pq.read_table(io.BytesIO(encode(formats.Parquet(), batch)))
    arrow = pa.ipc.open_stream(encode(formats.ArrowStream(), batch)).read_all()
    [row] = parquet.to_pylist()
    assert row["at"] == VALUES["at"]
    assert row["naive"].isoformat() == "2026-01-01T00:00:00+00:00"
    assert (row["raw"], row["amount"], row["color"]) == (b"\x00\xff", Decimal("0.10"), "red")
    assert str(arrow.to_pylist()) == str([row])


@pytest.mark.parametrize("value", ["\ud800", 2**64])
@pytest.mark.parametrize(
    "encoder", [formats.JsonLines, formats.Csv, formats.Parquet, formats.ArrowStream]
)
def test_what_no_format_can_carry_is_an_error(encoder, value):
    with pytest.raises((ValueError, TypeError)):
        encode(encoder(), [{"value": value}])


@pytest.mark.parametrize("encoder", [formats.Csv, formats.Parquet, formats.ArrowStream])
def test_records_with_other_fields_are_an_error_in_a_format_with_columns(encoder):
    with pytest.raises(ValueError, match="fields"):
        encode(encoder(), [{"a": 1}, {"a": 2, "b": 3}])


def test_a_csv_batch_with_other_columns_is_an_error():
    encoder = formats.Csv()
    encoder.encode([{"a": 1}])
    with pytest.raises(ValueError, match="columns"):
        encoder.encode([{"b": 1}])


def test_a_record_that_does_not_fit_the_first_ones_is_an_error():
    encoder = formats.Parquet()
    encoder.encode([{"a": number} for number in range(10_000)])
    with pytest.raises(ValueError, match="fit"):
        encoder.encode([{"a": "text"}] * 10_000)


class TimedModel(BaseModel):
    at: datetime


class TimedStruct(msgspec.Struct):
    at: datetime


@pytest.mark.parametrize("record", [TimedModel, TimedStruct])
@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 3, 29, 3, 30, tzinfo=IN_PARIS), "2026-03-29T01:30:00Z"),
        (datetime(2026, 3, 29, 3, 30, 0, 5, IN_PARIS), "2026-03-29T01:30:00.000005Z"),
        (datetime(2026, 1, 1), "2026-01-01T00:00:00Z"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_in_utc_whatever_its_zone_is(record, at, text):
    assert json.loads(formats.JsonLines().encode([record(at=at)])) == {"at": text}


class LaterTimedStruct(TimedStruct):
    pass


class AnyStruct(msgspec.Struct):
    at: Any


@pytest.mark.parametrize("kind", [TimedStruct, LaterTimedStruct, AnyStruct, dict])
@pytest.mark.parametrize("zone", [UTC, IN_PARIS])
def test_a_list_is_encoded_as_its_records_one_by_one(kind, zone):
    records = [TimedStruct(at=datetime(2026, 1, 1, tzinfo=UTC)) for _ in range(3)]
    records.append(kind(at=datetime(2026, 1, 1, 12, tzinfo=zone)))
    encoder = formats.JsonLines()
    lines = b"".join(encoder.encode([record]) for record in records)
    assert encoder.encode(records) == lines
    assert lines.count(b'Z"}\n') == len(records)


def test_a_model_says_itself_how_its_fields_are_written():
    class Renamed(BaseModel, serialize_by_alias=True):
        model_config = {"alias_generator": str.upper, "populate_by_name": True}
        name: str

    [line] = encode(formats.JsonLines(), [Renamed(name="a")]).splitlines()
    assert json.loads(line) == {"NAME": "a"}
