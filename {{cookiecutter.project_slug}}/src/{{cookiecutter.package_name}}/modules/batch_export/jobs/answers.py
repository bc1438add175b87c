"""What OpenAPI says of the answers about jobs."""

from typing import Any

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError

from ....records.database import DatabaseUnavailable
from ....records.formats.columns import Unrepresentable
from ....streaming.answers import OF_STREAMS, STREAM_PROBLEMS, headers, problems
from ....streaming.limits import LimitReached
from .store import JobsUnavailable, KeyReused

NOT_FOUND = {404: [HTTPException], 422: [RequestValidationError], 503: [JobsUnavailable]}
SEGMENT = ("Accept-Ranges", "Cache-Control", "Content-Disposition", "ETag", "Last-Modified")
SEGMENT += ("Repr-Digest", "X-Content-Type-Options")
BYTES = {"content": {"application/octet-stream": {}}}

STARTED: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "The job, which is asked about at `Location`",
        "headers": headers("Cache-Control", "Location", "Preference-Applied", "Retry-After"),
    },
    **problems(
        NOT_FOUND,
        {406: [Unrepresentable], 422: [KeyReused], 429: [LimitReached]},
        {503: [LimitReached, DatabaseUnavailable]},
    ),
}
TOLD: dict[int | str, dict[str, Any]] = {
    200: {"description": "The job", "headers": headers("Cache-Control", "Retry-After")},
    **problems(NOT_FOUND),
}
FOLLOWED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The job, again and again", "headers": headers(*OF_STREAMS)},
    **problems(NOT_FOUND, STREAM_PROBLEMS),
}
CANCELLED: dict[int | str, dict[str, Any]] = {
    204: {"description": "It is cancelled"},
    **problems(NOT_FOUND),
}
SENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The segment", "headers": headers(*SEGMENT), **BYTES},
    206: {
        "description": "The range that was asked for",
        "headers": headers(*SEGMENT, "Content-Range"),
        **BYTES,
    },
    **problems(NOT_FOUND, STREAM_PROBLEMS, {416: [HTTPException]}),
}
SENT[416]["headers"] |= headers("Content-Range")
