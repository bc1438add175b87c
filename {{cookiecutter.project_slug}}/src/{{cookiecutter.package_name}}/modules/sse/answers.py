"""What OpenAPI says of the module's answers."""

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError

from ...streaming.answers import OF_STREAMS, STREAM_PROBLEMS, Responses, headers, problems
from ...streaming.limits import LimitReached
from .broker import BrokerAway

SUBSCRIBED: Responses = {
    200: {
        "description": "The events, without an end",
        "headers": headers(*OF_STREAMS),
    },
    **problems(STREAM_PROBLEMS, {503: [BrokerAway]}),
}
PUBLISHED: Responses = {
    202: {"description": "All of them are published"},
    **problems(
        {status: [HTTPException] for status in (400, 401, 403, 415)},
        {422: [RequestValidationError], 503: [LimitReached, BrokerAway]},
    ),
}
PUBLISHED[401]["headers"] |= headers("WWW-Authenticate")
