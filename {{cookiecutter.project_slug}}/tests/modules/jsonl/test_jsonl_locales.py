import csv
import io
import re

import httpx2
import pyarrow as pa
import pytest
from babel import Locale, localedata
from fastapi import Request

from {{ cookiecutter.package_name }}.modules.jsonl import (
    locales,
    negotiation,
    parameters,
)
from {{ cookiecutter.package_name }}.records.formats import (
    csv as csv_format,
)
from {{ cookiecutter.package_name }}.records.formats import (
    settings,
)


@pytest.fixture
def url(service: str) -> str:
    return f"{service}/records/readings"


def lines(response: httpx2.Response) -> list[str]:
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    return response.content.decode().split("\n")


SWISS = ["id;Ort;Gemessen am (UTC);Wert", "2;Lyon;01.01.2026 00:00:02;15.15"]
GERMAN = ["id;Ort;Gemessen am (UTC);Wert", "2;Lyon;01.01.2026 00:00:02;15,15"]
FRENCH = ["id;site;Mesuré le (UTC);Valeur", "2;Lyon;01/01/2026 00:00:02;15,15"]
JAPANESE = ["id,地点,測定時刻 (UTC),value", "2,Lyon,2026/01/01 00:00:02,15.15"]
AMERICAN = ["id,site,recorded_at,value", "2,Lyon,01/01/2026 00:00:02,15.15"]
FOR_MACHINES = ["id,site,recorded_at,value", "2,Lyon,2026-01-01T00:00:02Z,15.15"]
COUNTRIES = [
    ("de", GERMAN),
    ("de-AT", GERMAN),
    ("de-CH", SWISS),
    ("fr", FRENCH),
    ("ja", JAPANESE),
    ("en-US", AMERICAN),
    ("und", FOR_MACHINES),
]
NO_LOCALES = ["xx", "", "root", "de@x", "de@\u4e16", "de@\r\nX-Injected: a", "../../etc", "a" * 999]


@pytest.mark.parametrize(("tag", "expected"), COUNTRIES)
def test_csv_reads_well_in_a_country(http, url, tag, expected):
    params = {"format": "csv", "limit": 2, "fields": "id,site,recorded_at,value", "locale": tag}
    response = http.get(url, params=params)
    header, _, record, _ = lines(response)
    assert [header, record] == expected
    assert response.headers.get("content-language") == (None if tag == "und" else tag)


@pytest.mark.parametrize("accept_language", ["*", "de", "", "not a language!"])
def test_csv_is_machine_readable_whatever_the_language_of_a_browser_is(http, url, accept_language):
    headers = {"Accept-Language": accept_language}
    response = http.get(url, params={"format": "csv", "limit": 1}, headers=headers)
    assert "2026-01-01T00:00:01Z" in lines(response)[1]


@pytest.mark.parametrize("tag", NO_LOCALES)
def test_what_is_no_locale_is_refused(http, url, tag):
    response = http.get(url, params={"format": "csv", "limit": 1, "locale": tag})
    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == "query.locale"


@pytest.mark.parametrize("format", ["jsonl", "ndjson", "json"])
def test_json_is_the_same_in_every_country(http, url, format):
    params = {"format": format, "limit": 2}
    german = http.get(url, params={**params, "locale": "de"})
    assert german.content == http.get(url, params=params).content
    assert "content-language" not in german.headers


def test_excel_gets_its_byte_order_mark_when_it_is_asked_for(http, url):
    params = {"format": "csv", "limit": 1}
    assert http.get(url, params={**params, "bom": "true"}).content.startswith(b"\xef\xbb\xbfid,")
    assert http.get(url, params=params).content.startswith(b"id,")


@pytest.mark.parametrize("tag", sorted(localedata.locale_identifiers())[::7])
def test_every_locale_has_a_form_that_can_be_read_back(tag):
    columns = {
        "n": pa.array([1234567.25, None, -0.5]),
        "t": pa.array(["2026-11-23T12:34:56.789Z", None, "1999-01-02T00:00:00Z"]).cast(
            pa.timestamp("us", "UTC")
        ),
        "text": pa.array(["a;b,c", "=1+1", None]),
    }
    encoder = locales.LocalizedCsv(Locale.parse(tag), {})
    text = (encoder.encode(pa.RecordBatch.from_pydict(columns)) + encoder.end(3)).decode()
    decimal = text[text.index("1234567") + 7]
    rows = list(csv.DictReader(io.StringIO(text), delimiter=text[1]))
    assert text[1] == (";" if decimal == "," or tag.endswith(("_CH", "_LI")) else ",")
    numbers = [row["n"].replace(decimal, ".") for row in rows]
    assert [float(number) if number else None for number in numbers] == [1234567.25, None, -0.5]
    assert [row["text"] for row in rows] == ["a;b,c", "'=1+1", ""]
    assert set(re.findall(r"\d+", rows[0]["t"])) >= {"2026", "11", "23"}
    assert rows[0]["t"].endswith(" 12:34:56")


FORMULAS = ["=1+1", "+1+cmd|' /C calc'!A0", "-1+1", "-", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"]
NO_FORMULAS = ["+1", "-1", "-1.5e-7", "1,5", "-12%", "+49 (0)30 1234-56", "@name", "@jörg.m", "a=1"]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("locale", ["de", "und"])
@pytest.mark.parametrize(("guard", "prefix"), [("true", "'"), ("false", "")])
def test_formulas_are_guarded_unless_a_setting_says_otherwise(
    monkeypatch, text, locale, guard, prefix
):
    monkeypatch.setenv("RECORDS_GUARD_FORMULAS", guard)
    monkeypatch.setattr(csv_format, "format_settings", settings.FormatSettings)
    asked = parameters.Parameters(format="csv", locale=locale)
    encoder = negotiation.negotiate(Request({"type": "http", "headers": []}), asked, {})
    encoded = encoder.encode(pa.RecordBatch.from_pydict({"text": [text]}))
    [_, [cell]] = csv.reader(io.StringIO(encoded.decode(), newline=""))
    assert cell == prefix + text
    assert encoder.headers == {"Formula-Guard": "apostrophe" if guard == "true" else "none"}


@pytest.mark.parametrize("text", NO_FORMULAS)
def test_what_is_no_formula_is_left_alone(text):
    encoded = csv_format.Csv().encode(pa.RecordBatch.from_pydict({"text": [text]}))
    assert list(csv.reader(io.StringIO(encoded.decode(), newline=""))) == [["text"], [text]]


def test_numbers_are_no_formulas():
    batch = pa.RecordBatch.from_pydict({"value": [-1.5]})
    assert locales.LocalizedCsv(Locale("de"), {}).encode(batch) == b"value\n-1,5\n"
