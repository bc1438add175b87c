"""Which format: from `Accept`, and from the parameters."""

import re
from collections.abc import Mapping

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from ...records.formats import Csv, Encoder, JsonArray, JsonLines, NdJson
from .locales import LocalizedCsv, parse_locale
from .parameters import Parameters
from .settings import jsonl_settings

CHARSET = re.compile(r"; *charset=[^;,]*", re.IGNORECASE)  # it is always UTF-8
FORMATS: dict[str, type[Encoder]] = {
    format.name: format for format in (JsonLines, NdJson, JsonArray, Csv)
}
# Names in use for what has no registered one; the answer has the name that was asked for.
ALIASES: dict[type[Encoder], tuple[str, ...]] = {
    JsonLines: (
        "application/jsonlines",
        "application/json-lines",
        "application/x-jsonl",
        "application/x-jsonlines",
        "application/x-json-lines",
        "text/jsonl",
        "text/x-jsonl",
    ),
    NdJson: ("application/ndjson", "application/x-ldjson", "text/ndjson", "text/x-ndjson"),
    JsonArray: ("text/json",),
    Csv: ("application/csv", "text/x-csv"),
}
MEDIA_TYPES = {
    **{format.media_type: format for format in FORMATS.values()},
    **{name: format for format, names in ALIASES.items() for name in names},
}


def negotiate(
    request: Request, parameters: Parameters, headings: Mapping[str, Mapping[str, str]]
) -> Encoder:
    """The encoder that a request asks for. Raises a 406, and a 422 for what does not go together."""
    chosen, media_type = _format(request, parameters)
    if parameters.follow and not issubclass(chosen, JsonLines):
        message = f"only {JsonLines.media_type} and {NdJson.media_type} can be followed"
        raise RequestValidationError([{"loc": ("query", "follow"), "msg": message}])
    encoder = _make(chosen, parameters, headings)
    encoder.media_type = media_type
    return encoder


def _make(
    chosen: type[Encoder], parameters: Parameters, headings: Mapping[str, Mapping[str, str]]
) -> Encoder:
    if issubclass(chosen, Csv):
        locale = parse_locale(parameters.locale) if parameters.locale else None
        if locale:
            return LocalizedCsv(locale, headings, byte_order_mark=parameters.bom)
        return Csv(byte_order_mark=parameters.bom)
    as_text = None if parameters.integers is None else parameters.integers == "text"
    if issubclass(chosen, JsonLines):
        default = jsonl_settings().end_record
        end_record = default if parameters.end is None else parameters.end
        return chosen(end_record=end_record, integers_as_text=as_text)
    return JsonArray(integers_as_text=as_text)


def _format(request: Request, parameters: Parameters) -> tuple[type[Encoder], str]:
    """RFC 9110, section 12.5.1; JSON Lines where the client leaves it open."""
    if parameters.format:
        chosen = FORMATS[parameters.format]
        return chosen, chosen.media_type
    accept = CHARSET.sub("", _field(request, "accept")).strip(", ") or "*/*"
    best = parse_accept_header(accept, MIMEAccept).best_match(MEDIA_TYPES)
    if best is None:
        known = ", ".join(format.media_type for format in FORMATS.values())
        raise HTTPException(406, f"Accept {known}; or ask for ?format={', '.join(FORMATS)}.")
    return MEDIA_TYPES[best], best


def _field(request: Request, name: str) -> str:
    """A header field whose lines are one list (RFC 9110, section 5.3)."""
    return ", ".join(request.headers.getlist(name))
