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
    settings,
)


@pytest.fixture
def url(service: str) -> str:
    return f"{service}/records/readings"


def lines(response: httpx2.Response) -> list[str]:
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    return response.content.decode().split("\n")


GERMAN = ["id;Ort;Gemessen am (UTC);Wert", "2;Lyon;01.01.2026 00:00:02;15,15"]
FRENCH = ["id;site;Mesuré le (UTC);Valeur", "2;Lyon;01/01/2026 00:00:02;15,15"]
JAPANESE = ["id,地点,測定時刻 (UTC),value", "2,Lyon,2026/01/01 00:00:02,15.15"]
AMERICAN = ["id,site,recorded_at,value", "2,Lyon,01/01/2026 00:00:02,15.15"]
FOR_MACHINES = ["id,site,recorded_at,value", "2,Lyon,2026-01-01T00:00:02Z,15.15"]
COUNTRIES = [
    ("de", GERMAN),
    ("de-AT", GERMAN),
    ("fr", FRENCH),
    ("ja", JAPANESE),
    ("en-US", AMERICAN),
    ("und", FOR_MACHINES),
]
NO_LOCALES = ["xx", "", "root", "de@x", "de@\u4e16", "de@\r\nX-Injected: a", "../../etc", "a" * 999]


@pytest.mark.parametrize(("tag", "expected"), COUNTRIES)
@pytest.mark.parametrize("asked", ["?locale=", "Accept-Language"])
def test_csv_reads_well_in_a_country(http, url, tag, expected, asked):
    params = {"format": "csv", "limit": 2, "fields": "id,site,recorded_at,value"}
    headers = {"Accept-Language": f"xx, fr;q=0, {tag};q=0.9, en;q=0.5"}
    if asked == "?locale=":
        params["locale"] = tag
        headers = {"Accept-Language": "pt-BR"}
    response = http.get(url, params=params, headers=headers)
    header, _, record, _ = lines(response)
    assert [header, record] == expected
    assert response.headers.get("content-language") == (None if tag == "und" else tag)


@pytest.mark.parametrize("accept_language", ["*", "xx", "", "und", "not a language!"])
def test_csv_is_machine_readable_for_who_names_no_language(http, url, accept_language):
    headers = {"Accept-Language": accept_language}
    response = http.get(url, params={"format": "csv", "limit": 1}, headers=headers)
    assert "2026-01-01T00:00:01Z" in lines(response)[1]


@pytest.mark.parametrize("tag", NO_LOCALES)
def test_what_is_no_locale_is_refused_and_ignored_in_a_header(http, url, tag):
    params = {"format": "csv", "limit": 1}
    response = http.get(url, params={**params, "locale": tag})
    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == "query.locale"
    if tag.isascii() and "\n" not in tag:
        response = http.get(url, params=params, headers={"Accept-Language": tag})
        assert "content-language" not in response.headers


@pytest.mark.parametrize("tag", ["de-US", "de-Latn-DE-1996-foo"])
def test_a_language_does_for_a_country_that_is_not_known(http, url, tag):
    params = {"format": "csv", "limit": 1}
    german = http.get(url, params={**params, "locale": "de"})
    headers = {"Accept-Language": f"{tag}, en;q=0.5"}
    assert http.get(url, params=params, headers=headers).content == german.content


@pytest.mark.parametrize("format", ["jsonl", "ndjson", "json"])
def test_json_is_the_same_in_every_country(http, url, format):
    params = {"format": format, "limit": 2}
    german = http.get(url, params={**params, "locale": "de"}, headers={"Accept-Language": "de"})
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
    decimal = "," if ";" in text.partition("\n")[0] else text[text.index("1234567") + 7]
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";" if decimal == "," else ","))
    numbers = [row["n"].replace(decimal, ".") for row in rows]
    assert [float(number) if number else None for number in numbers] == [1234567.25, None, -0.5]
    assert [row["text"] for row in rows] == ["a;b,c", "'=1+1", ""]
    assert set(re.findall(r"\d+", rows[0]["t"])) >= {"2026", "11", "23"}
    assert rows[0]["t"].endswith(" 12:34:56")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
@pytest.mark.parametrize("locale", ["de", "und"])
@pytest.mark.parametrize(("guard", "prefix"), [("true", "'"), ("false", "")])
def test_formulas_are_guarded_unless_a_setting_says_otherwise(
    monkeypatch, text, locale, guard, prefix
):
    monkeypatch.setenv("JSONL_GUARD_FORMULAS", guard)
    monkeypatch.setattr(negotiation, "jsonl_settings", settings.JsonlSettings)
    asked = parameters.Parameters(format="csv", locale=locale)
    encoder = negotiation.negotiate(Request({"type": "http", "headers": []}), asked, {})
    encoded = encoder.encode(pa.RecordBatch.from_pydict({"text": [text]}))
    [_, [cell]] = csv.reader(io.StringIO(encoded.decode(), newline=""))
    assert cell == prefix + text


def test_numbers_are_no_formulas():
    batch = pa.RecordBatch.from_pydict({"value": [-1.5]})
    assert locales.LocalizedCsv(Locale("de"), {}).encode(batch) == b"value\n-1,5\n"
