"""Promises that hold for any record, and for any split of a stream into chunks."""

import csv
import importlib.util
import io
import json
import math
import re
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from {{ cookiecutter.package_name }}.modules.jsonl import (
    cursors,
    encoding,
    parameters,
)
from {{ cookiecutter.package_name }}.records import (
    formats,
)
from {{ cookiecutter.package_name }}.records.formats import (
    objects,
)

pytestmark = pytest.mark.slow

Records = list[dict[str, Any]]
PROJECT = Path(__file__).parents[3]

CURSORS = cursors.Cursors("any", int)
MOST_SAFE_INTEGER = 2**53 - 1  # of JavaScript
property_settings = settings(
    database=None, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# Numbers and telephone numbers, which docs/modules/jsonl.md leaves alone, as names of accounts.
NO_FORMULA = re.compile(
    r"[+-]?(\d+([.,]\d+)*([eE][+-]?\d+)?%?|[Ii]nfinity)|\+\d[\d ()/.-]*", re.ASCII
)
TEXT = st.text(st.characters(codec="utf-8"))
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
VALUES = [
    st.integers(-MOST_SAFE_INTEGER, MOST_SAFE_INTEGER),
    st.floats(width=64),
    st.booleans(),
    TEXT,
    TIMES,
    st.lists(TEXT, max_size=3),
    st.fixed_dictionaries({"a": TEXT, "b": st.floats(allow_nan=False)}),
]
# Arrow ends a name at a zero; a name that begins with "@" may be one of ours.
NAMES = st.from_regex(r"[^@\x00\ud800-\udfff][^\x00\ud800-\udfff]*", fullmatch=True)


@st.composite
def records(draw: st.DrawFn) -> Records:
    """Records of one type, in the order of their key `id`; each value but that may be missing."""
    names = draw(st.sets(NAMES, max_size=4)) - {"id"}
    columns = {name: st.none() | draw(st.sampled_from(VALUES)) for name in names}
    rows = draw(st.lists(st.fixed_dictionaries(columns), min_size=1, max_size=5))
    return [{"id": number, **row} for number, row in enumerate(rows, start=1)]


def encode(encoder: formats.Encoder, rows: Records, *, as_arrow: bool) -> bytes:
    batch = objects.to_arrow(rows) if as_arrow else rows
    return encoder.start() + encoder.encode(batch) + encoder.end(len(rows))


def is_same(value: Any, read: Any) -> bool:
    """Whether `read` is what JSON can carry of `value`."""
    match value:
        case float() if not math.isfinite(value):
            return read is None
        case float():
            return float(read) == value
        case datetime():
            return datetime.fromisoformat(read) == value
        case dict():
            return value.keys() == read.keys() and all(is_same(value[k], read[k]) for k in value)
        case list():
            return len(value) == len(read) and all(map(is_same, value, read))
    return read == value and isinstance(read, bool) == isinstance(value, bool)


def is_no_formula(text: str) -> bool:
    is_account = text[:1] == "@" and len(text) > 1
    letters = {unicodedata.category(letter)[0] for letter in text[1:] if letter not in "_."}
    return bool(NO_FORMULA.fullmatch(text)) or (is_account and letters <= {"L", "N"})


def is_same_cell(value: Any, cell: str) -> bool:
    """Whether `cell` is what CSV can carry of `value`; it does not tell nothing from no text."""
    match value:
        case None | str():
            text = value or ""
            is_formula = text.startswith(FORMULA_STARTS) and not is_no_formula(text)
            return cell == ("'" if is_formula else "") + text
        case bool():
            return cell == str(value).lower()
        case float():
            return float(cell) == value or math.isnan(value)
        case datetime():
            return datetime.fromisoformat(cell) == value
    return is_same(value, json.loads(cell))


@pytest.mark.parametrize("as_arrow", [False, True])
@given(rows=records())
@property_settings
def test_any_record_round_trips_through_json(as_arrow, rows):
    array = json.loads(encode(formats.JsonArray(), rows, as_arrow=as_arrow))
    assert is_same(rows, array)
    for format in (formats.JsonLines, formats.NdJson):
        *lines, end = encode(format(end_record=True), rows, as_arrow=as_arrow).split(b"\n")[:-1]
        assert [json.loads(line) for line in lines] == array
        assert json.loads(end) == {"@end": {"status": "complete", "records": len(rows)}}


@pytest.mark.parametrize("as_arrow", [False, True])
@given(rows=records())
@example(rows=[{"id": 1, "a": "-1", "b": "@\xbd", "c": "@ b"}])
@property_settings
def test_any_record_round_trips_through_csv(as_arrow, rows):
    text = encode(formats.Csv(), rows, as_arrow=as_arrow).decode()
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(read) == len(rows)
    for row, cells in zip(rows, read, strict=True):
        assert row.keys() == cells.keys()
        assert all(is_same_cell(row[name], cells[name]) for name in row)


@st.composite
def split_streams(draw: st.DrawFn) -> tuple[Records, list[bytes]]:
    """Records, and their bytes as a client gets them, in chunks of any size."""
    rows = draw(records())
    fields = list(rows[0])
    asked = parameters.Parameters.model_construct(fields=fields, cursors=True)
    encoder = encoding.RecordEncoder(formats.JsonLines(end_record=True), asked, "id", CURSORS)
    body = encode(encoder, rows, as_arrow=draw(st.booleans()))
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=20)))
    return rows, [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]


@pytest.fixture(scope="module")
def python_client() -> Callable[[str], Records]:
    path = PROJECT / "clients" / "python" / "jsonl.py"
    spec = importlib.util.spec_from_file_location("python_jsonl_client", path)
    assert spec is not None
    assert spec.loader is not None
    client = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(client)
    return lambda url: list(client.read_records(url, attempts=1))


@pytest.fixture(scope="module")
def javascript_client(require) -> Iterator[Callable[[str], Records]]:
    client = (PROJECT / "clients" / "javascript" / "jsonl.js").as_uri()
    script = PROJECT / "tests" / "modules" / "jsonl" / "read_records.mjs"
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen([require("node"), str(script), client], **pipes) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        streams = SimpleNamespace(stdin=node.stdin, stdout=node.stdout)

        def read(url: str) -> Records:
            streams.stdin.write(f"{url}\n")
            streams.stdin.flush()
            return json.loads(streams.stdout.readline())

        yield read
        node.stdin.close()


@given(stream=split_streams())
@settings(property_settings, max_examples=30)
def test_any_split_reads_the_same_in_python(chunk_server, python_client, stream):
    rows, chunk_server.chunks = stream
    assert is_same(rows, python_client(chunk_server.url))


@given(stream=split_streams())
@property_settings
def test_any_split_reads_the_same_in_javascript(chunk_server, javascript_client, stream):
    rows, chunk_server.chunks = stream
    assert is_same(rows, javascript_client(chunk_server.url))


@given(stream=split_streams())
@settings(property_settings, max_examples=20)
def test_any_split_reads_the_same_in_the_shell(chunk_server, run_client, stream):
    rows, chunk_server.chunks = stream
    result = run_client("curl/jsonl.sh", chunk_server.url)
    assert result.returncode == 0, result.stderr
    assert is_same(rows, [json.loads(line) for line in result.stdout.split("\n")[:-1]])
