"""What OpenAPI says of answers: their headers, and the problems of each status with an example."""

from collections.abc import Mapping, Sequence
from http.client import responses
from inspect import cleandoc
from typing import Any

from fastapi.exceptions import RequestValidationError

from .limits import LimitReached
from .problems import INVALID_REQUEST, MEDIA_TYPE, REFERENCE
from .shutdown import ShuttingDown

Responses = dict[int | str, dict[str, Any]]
Kinds = Mapping[int, Sequence[type[Exception]]]

HEADERS = {
    "Accept-Ranges": "`bytes`: ranges of it can be asked for.",
    "Cache-Control": "`no-store`: it is true now. `no-transform`: no proxy may gather or pack it.",
    "Content-Disposition": "The name under which a browser saves it.",
    "Content-Encoding": "The coding of this representation, chosen by `Accept-Encoding`.",
    "Content-Language": "The locale that numbers and times are written for.",
    "Content-Range": "Which bytes of how many.",
    "ETag": "The version, for `If-Match`, `If-None-Match` and `If-Range`.",
    "Formula-Guard": "What was done to cells that a spreadsheet would run.",
    "Last-Modified": "When it was changed.",
    "Location": "Where its status is.",
    "Preference-Applied": "The `Prefer` that was heeded.",
    "Repr-Digest": "The SHA-256 of the whole (RFC 9530), where `Want-Repr-Digest` asks for it.",
    "Retry-After": "Seconds until it is worth asking again.",
    "Vary": "The fields of the request that it depends on.",
    "WWW-Authenticate": "How to say who you are.",
    "X-Accel-Buffering": "`no`: nginx passes it on as it comes.",
    "X-Content-Type-Options": "`nosniff`: a browser takes it for nothing else.",
}
# Of whatever may be compressed, and is not kept.
OF_ANSWERS = ("Cache-Control", "Content-Encoding", "Vary")
OF_STREAMS = (*OF_ANSWERS, "X-Accel-Buffering")
# What each stream may be refused with.
STREAM_PROBLEMS: Kinds = {
    422: [RequestValidationError],
    429: [LimitReached],
    503: [LimitReached, ShuttingDown],
}


def headers(*names: str) -> dict[str, Any]:
    """Header Objects, by the names of the headers."""
    return {name: {"schema": {"type": "string"}, "description": HEADERS[name]} for name in names}


def on_the_wire(**texts: str) -> dict[str, Any]:
    """Examples for a Media Type Object, as the body has them (OpenAPI 3.2, section 4.19)."""
    return {"examples": {name: {"serializedValue": text} for name, text in texts.items()}}


def problems(kinds: Kinds, *more: Kinds) -> Responses:
    """The Response Objects for the exceptions of each status; `more` adds to it."""
    statuses = sorted({status for each in (kinds, *more) for status in each})
    return {
        status: _response(
            status, [kind for each in (kinds, *more) for kind in each.get(status, ())]
        )
        for status in statuses
    }


def _response(status: int, kinds: Sequence[type[Exception]]) -> dict[str, Any]:
    found = ["Retry-After"] if status in {429, 503} else []
    return {
        "description": f"Problem: {responses[status]}",
        "headers": headers(*OF_ANSWERS, *found),
        "content": {
            MEDIA_TYPE: {
                "schema": REFERENCE,
                "examples": dict(_example(status, kind) for kind in kinds),
            }
        },
    }


def _example(status: int, kind: type[Exception]) -> tuple[str, dict[str, Any]]:
    """By the last part of the problem's type."""
    identifier, summary = "about:blank", "The status says it all"
    if kind is RequestValidationError:
        identifier, summary = INVALID_REQUEST, "Parts of the request are wrong: `errors` has each"
    elif own := getattr(kind, "type", ""):
        identifier, summary = str(own), cleandoc(kind.__doc__ or "").partition("\n")[0]
    value = {"type": identifier, "title": responses[status], "status": status}
    name = identifier.rpartition("/")[2].replace(":", "-")
    return name, {"summary": summary, "value": value}
