"""What the head of a response says of a representation (RFC 9110, section 8)."""

from ..streaming.attachment import attachment
from .dates import format_date
from .representation import Representation


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
