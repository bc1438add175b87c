"""What OpenAPI says of the module's answers."""

from typing import Any

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError

from ...streaming.answers import OF_STREAMS, STREAM_PROBLEMS, headers, problems
from .representation import ContentChanged, NotOffered

VERSION = ("ETag", "Last-Modified", "Vary")
FILE = (*VERSION, "Accept-Ranges", "Content-Disposition", "Repr-Digest", "X-Content-Type-Options")
BYTES = {"content": {"application/octet-stream": {}}}

LISTED: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page of the listing", "headers": headers("Cache-Control")},
    **problems({404: [NotOffered], 422: [RequestValidationError], 503: [HTTPException]}),
}
ZIPPED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The files as they are, in one ZIP of known length",
        "headers": headers(*OF_STREAMS, "Content-Disposition"),
    },
    **problems(
        STREAM_PROBLEMS,
        {404: [NotOffered], 422: [HTTPException], 503: [ContentChanged, HTTPException]},
    ),
}
DOWNLOADED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "headers": headers(*FILE, "Content-Encoding"), **BYTES},
    206: {
        "description": "The ranges that were asked for; several as `multipart/byteranges`",
        "headers": headers(*FILE, "Content-Range"),
        **BYTES,
    },
    304: {"description": "The client has this version", "headers": headers(*VERSION)},
    **problems(
        STREAM_PROBLEMS,
        {404: [NotOffered], 412: [HTTPException], 416: [HTTPException]},
        {503: [ContentChanged, HTTPException]},
    ),
}
DOWNLOADED[416]["headers"] |= headers("Content-Range")
