"""What the head of a response says of a representation (RFC 9110, section 8)."""

import re
from urllib.parse import quote

from .dates import format_date
from .representation import Representation

# What no client reads in another way in a quoted string (RFC 6266, appendix D).
NOT_PLAIN = re.compile(r"[^ !#$&-\[\]-~]")
ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"


def describe(representation: Representation) -> dict[str, str]:
    """The headers of the whole, without its length."""
    headers = {
        "Accept-Ranges": "bytes" if representation.has_ranges else "none",
        "Content-Type": content_type(representation),
        # A file is somebody's data: no browser should run it as a page of this origin.
        "Content-Disposition": attachment(representation.name),
        "X-Content-Type-Options": "nosniff",
        # A coded form may come to lie beside any file.
        "Vary": "Accept-Encoding",
    }
    if representation.etag is not None:
        headers["ETag"] = representation.etag
    if representation.modified is not None:
        headers["Last-Modified"] = format_date(representation.modified)
    if representation.coding is not None:
        headers["Content-Encoding"] = representation.coding
    return headers


def content_type(representation: Representation) -> str:
    media_type = representation.media_type
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type


def content_range(span: range, representation: Representation) -> str:
    return f"bytes {span.start}-{span.stop - 1}/{representation.size}"


def attachment(name: str) -> str:
    """`Content-Disposition` with the name in ASCII, and for who reads RFC 8187 as it is."""
    plain = NOT_PLAIN.sub("_", name)
    exact = f"; filename*=UTF-8''{quote(name, safe=ATTRIBUTE_CHARACTERS)}" if plain != name else ""
    return f'attachment; filename="{plain}"{exact}'
