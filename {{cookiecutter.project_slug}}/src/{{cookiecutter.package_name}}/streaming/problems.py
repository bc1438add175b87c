"""Errors as RFC 9457 problem details."""

import sys
from http.client import responses
from typing import Any

import fastapi
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import Response
from starlette.types import ExceptionHandler, Receive, Scope, Send

MEDIA_TYPE = "application/problem+json"
INVALID_REQUEST = "/problems/invalid-request"
FIRST_ERROR = 400
# A request can have thousands, and its answer should not be larger than it is.
MOST_ERRORS = 10


class Problem(BaseModel):
    """A problem detail object (RFC 9457, section 3.1).

    Two members are this service's extensions: `errors` has one entry for each of the first ten
    wrong parts of the request, with `location` (such as `query.limit`) and `detail`; `data` is the `detail` of an
    exception where that is no text.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list[dict[str, str]] | None = None
    data: Any = None


# The component is there in each document that `add_streaming` describes.
REFERENCE = {"$ref": f"#/components/schemas/{Problem.__name__}"}
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Any other problem, such as 405, 413 or 500",
        "content": {MEDIA_TYPE: {"schema": REFERENCE}},
    }
}


def describe(error: Exception) -> Problem:
    """The problem for any exception; one that was not meant for clients keeps its text to itself.

    A subclass of `HTTPException` may have a `type` of its own, a URI that never changes.
    """
    if isinstance(error, HTTPException):
        detail: Any = error.detail
        key = "detail" if isinstance(detail, str) else "data"
        return _problem(error.status_code, getattr(error, "type", "about:blank"), **{key: detail})
    if isinstance(error, RequestValidationError):
        errors = [
            {
                "location": ".".join(map(str, item["loc"])),
                "detail": item["msg"].removeprefix("Value error, "),
            }
            for item in error.errors()[:MOST_ERRORS]
        ]
        detail = "The request is not valid."
        return _problem(422, INVALID_REQUEST, detail=detail, errors=errors)
    return _problem(500, detail="The service failed; its log says why.")


def _problem(status: int, type: str = "about:blank", **members: Any) -> Problem:
    title = responses.get(status, f"Status {status}")
    if members.get("detail") in {title, ""}:
        del members["detail"]
    return Problem(type=type, title=title, status=status, **members)


async def answer(request: fastapi.Request, error: Exception) -> Response:
    """The response to a request in which `error` was raised."""
    if isinstance(error, HTTPException) and error.status_code < FIRST_ERROR:  # such as a redirect
        return await http_exception_handler(request, error)
    return ProblemResponse(error)


# Starlette takes the handler of the nearest class, and FastAPI has one of its own.
KINDS = (HTTPException, fastapi.HTTPException, RequestValidationError)
HANDLERS: dict[Any, ExceptionHandler] = dict.fromkeys(KINDS, answer)


class ProblemResponse(Response):
    media_type = MEDIA_TYPE

    def __init__(self, error: Exception) -> None:
        problem = describe(error)
        headers = error.headers if isinstance(error, HTTPException) else None
        super().__init__(problem.model_dump_json(exclude_none=True), problem.status, headers)
        # A cache may keep a 404 or a 405 otherwise (RFC 9110, section 15.1).
        self.headers.setdefault("Cache-Control", "no-store")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The app's limit for bodies puts plain text in the place of whatever is answered to one
        # that is too large. The innermost limit counts: this one lets the problem pass.
        await RequestBodyLimitMiddleware(super().__call__, sys.maxsize)(scope, receive, send)
