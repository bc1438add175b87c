"""What OpenAPI says of the answers about jobs."""

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError

from ....records.database import DatabaseUnavailable
from ....records.formats.columns import Unrepresentable
from ....streaming.answers import (
    OF_ANSWERS,
    OF_STREAMS,
    STREAM_PROBLEMS,
    Responses,
    headers,
    problems,
)
from ....streaming.limits import LimitReached
from .store import JobsUnavailable, KeyReused

NOT_FOUND = {404: [HTTPException], 422: [RequestValidationError], 503: [JobsUnavailable]}
STARTED: Responses = {
    202: {
        "description": "The job, which is asked about at `Location`",
        "headers": headers(*OF_ANSWERS, "Location", "Preference-Applied", "Retry-After"),
    },
    **problems(
        NOT_FOUND,
        {406: [Unrepresentable], 422: [KeyReused], 429: [LimitReached]},
        {503: [LimitReached, DatabaseUnavailable]},
    ),
}
TOLD: Responses = {
    200: {"description": "The job", "headers": headers(*OF_ANSWERS, "Retry-After")},
    **problems(NOT_FOUND),
}
FOLLOWED: Responses = {
    200: {"description": "The job, again and again", "headers": headers(*OF_STREAMS)},
    **problems(NOT_FOUND, STREAM_PROBLEMS),
}
CANCELLED: Responses = {
    204: {"description": "It is cancelled"},
    **problems(NOT_FOUND),
}
