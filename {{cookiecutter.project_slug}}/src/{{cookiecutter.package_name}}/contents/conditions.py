"""Which answer a request for a representation gets (RFC 9110, sections 13 and 14)."""

import re
import time
from http import HTTPStatus
from typing import NamedTuple

from starlette.datastructures import Headers

from .dates import parse_date
from .ranges import parse_ranges
from .representation import Representation

TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
TAGS = re.compile(rf"[ \t,]*+(?:{TAG}[ \t]*+(?:,[ \t,]*+|$))*+")


class Decision(NamedTuple):
    status: int
    """200, 206, 304, 412 or 416."""
    spans: tuple[range, ...] = ()
    """The bytes to send, in this order; the whole with 200."""


def decide(method: str, request: Headers, representation: Representation) -> Decision:
    """In the order of section 13.2.2; what is malformed counts as not said where that is safe."""
    if failed := _check_preconditions(request, representation):
        return Decision(failed)
    whole = range(representation.size)
    is_partial = method == "GET" and "range" in request and representation.has_ranges
    if is_partial and _may_be_part(request, representation):
        spans = parse_ranges(", ".join(request.getlist("range")), representation.size)
        if spans == ():
            return Decision(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        # The parts of a multipart are not in the coding that its head would name.
        if spans and (len(spans) == 1 or representation.coding is None):
            return Decision(HTTPStatus.PARTIAL_CONTENT, spans)
    return Decision(HTTPStatus.OK, (whole,))


def _check_preconditions(request: Headers, representation: Representation) -> HTTPStatus | None:
    if "if-match" in request:
        if not _is_listed(representation.etag, request.getlist("if-match"), weakly=False):
            return HTTPStatus.PRECONDITION_FAILED
    elif _is_unmodified(representation, request.getlist("if-unmodified-since")) is False:
        return HTTPStatus.PRECONDITION_FAILED
    if "if-none-match" in request:
        if _is_listed(representation.etag, request.getlist("if-none-match"), weakly=True):
            return HTTPStatus.NOT_MODIFIED
    elif _is_unmodified(representation, request.getlist("if-modified-since")):
        return HTTPStatus.NOT_MODIFIED
    return None


def _is_listed(etag: str | None, lines: list[str], *, weakly: bool) -> bool:
    """Whether one of the entity tags is `etag`, as section 8.8.3.2 compares them."""
    value = ", ".join(lines)
    if value.strip() == "*":
        return True
    if etag is None or not TAGS.fullmatch(value):
        return False
    tags = re.findall(TAG, value)
    if weakly:
        return etag.removeprefix("W/") in (tag.removeprefix("W/") for tag in tags)
    return etag in tags and not etag.startswith("W/")


def _is_unmodified(representation: Representation, lines: list[str]) -> bool | None:
    date = parse_date(", ".join(lines))
    if date is None or representation.modified is None:
        return None
    return representation.modified <= date


def _may_be_part(request: Headers, representation: Representation) -> bool:
    """Whether the client's part can be of this representation (section 13.1.5)."""
    if "if-range" not in request:
        return True
    validator = ", ".join(request.getlist("if-range"))
    if re.fullmatch(TAG, validator):
        return _is_listed(representation.etag, [validator], weakly=False)
    modified = representation.modified
    # It may have changed twice within the second that is now (section 8.8.2.2).
    is_strong = modified is not None and modified < int(time.time())
    return is_strong and parse_date(validator) == modified
