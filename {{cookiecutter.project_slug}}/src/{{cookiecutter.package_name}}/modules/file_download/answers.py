"""What OpenAPI says of the answers with several files."""

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError

from ...contents import ContentChanged, NotOffered
from ...streaming.answers import (
    OF_ANSWERS,
    OF_STREAMS,
    STREAM_PROBLEMS,
    Responses,
    headers,
    problems,
)

LISTED: Responses = {
    200: {"description": "A page of the listing", "headers": headers(*OF_ANSWERS)},
    **problems({404: [NotOffered], 422: [RequestValidationError], 503: [HTTPException]}),
}
ZIPPED: Responses = {
    200: {
        "description": "The files as they are, in one ZIP of known length",
        "headers": headers(*OF_STREAMS, "Content-Disposition"),
    },
    **problems(STREAM_PROBLEMS, {404: [NotOffered], 422: [HTTPException], 503: [ContentChanged]}),
}
