"""Which format, and whose: from `Accept`, `Accept-Language` and the parameters that stand for them."""

import re
from collections.abc import Mapping
from typing import Any

from babel import Locale
from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from werkzeug.datastructures import LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header

from ...records.formats import Csv, Encoder, JsonArray, JsonLines, NdJson
from .locales import LocalizedCsv, find_locale, parse_locale
from .parameters import Parameters
from .settings import jsonl_settings

CHARSET = re.compile(r"; *charset=[^;,]*", re.IGNORECASE)  # it is always UTF-8
FORMATS: dict[str, type[Encoder]] = {
    format.name: format for format in (JsonLines, NdJson, JsonArray, Csv)
}


def negotiate(
    request: Request, parameters: Parameters, headings: Mapping[str, Mapping[str, str]]
) -> Encoder:
    """The encoder that a request asks for. Raises a 406, and a 422 for what does not go together."""
    chosen = _format(request, parameters)
    if parameters.follow and not issubclass(chosen, JsonLines):
        message = f"only {JsonLines.media_type} and {NdJson.media_type} can be followed"
        raise RequestValidationError([{"loc": ("query", "follow"), "msg": message}])
    if issubclass(chosen, JsonLines):
        default = jsonl_settings().end_record
        return chosen(end_record=default if parameters.end is None else parameters.end)
    if issubclass(chosen, Csv):
        return _csv(request, parameters, headings)
    return chosen()


def _format(request: Request, parameters: Parameters) -> type[Encoder]:
    """RFC 9110, section 12.5.1; JSON Lines where the client leaves it open."""
    if parameters.format:
        return FORMATS[parameters.format]
    media_types = {format.media_type: format for format in FORMATS.values()}
    accept = CHARSET.sub("", _field(request, "accept")).strip(", ") or "*/*"
    best = parse_accept_header(accept, MIMEAccept).best_match(media_types)
    if best is None:
        there_is = f"Accept {', '.join(media_types)}; or ask for ?format={', '.join(FORMATS)}."
        raise HTTPException(406, there_is)
    return media_types[best]


def _csv(
    request: Request, parameters: Parameters, headings: Mapping[str, Mapping[str, str]]
) -> Csv:
    options: dict[str, Any] = {
        "guard_formulas": jsonl_settings().guard_formulas,
        "byte_order_mark": parameters.bom,
    }
    if locale := _locale(request, parameters):
        return LocalizedCsv(locale, headings, **options)
    return Csv(**options)


def _locale(request: Request, parameters: Parameters) -> Locale | None:
    """RFC 9110, section 12.5.4; none where the client names no language that is known."""
    if parameters.locale:
        return parse_locale(parameters.locale)
    accepted = parse_accept_header(_field(request, "accept-language"), LanguageAccept)
    return find_locale(tag for tag, quality in accepted if quality > 0)


def _field(request: Request, name: str) -> str:
    """A header field whose lines are one list (RFC 9110, section 5.3)."""
    return ", ".join(request.headers.getlist(name))
