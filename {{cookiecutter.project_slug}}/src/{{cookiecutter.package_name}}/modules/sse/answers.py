"""What OpenAPI says of the module's answers."""

from typing import Any

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError

from ...streaming.answers import STREAM_PROBLEMS, headers, problems
from ...streaming.limits import LimitReached
from .redis_broker import BrokerAway

SUBSCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The events, without an end",
        "headers": headers("Cache-Control", "X-Accel-Buffering"),
    },
    **problems(STREAM_PROBLEMS, {503: [BrokerAway]}),
}
PUBLISHED: dict[int | str, dict[str, Any]] = {
    202: {"description": "All of them are published"},
    **problems(
        {status: [HTTPException] for status in (400, 401, 403, 415)},
        {422: [RequestValidationError], 503: [LimitReached, BrokerAway]},
    ),
}
PUBLISHED[401]["headers"] |= headers("WWW-Authenticate")
