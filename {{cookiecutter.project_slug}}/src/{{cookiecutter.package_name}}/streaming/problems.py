"""Errors as RFC 9457 problem details, for every error that reaches a handler."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """A problem detail object (RFC 9457, section 3.1).

    `errors` is this service's extension member: one entry for each wrong part of the request,
    with `location` (such as `query.limit`) and `detail`.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list[dict[str, str]] | None = None


RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Problem",
        "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
    }
}


def add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, http_problem)
    app.add_exception_handler(RequestValidationError, validation_problem)
    app.add_exception_handler(Exception, internal_problem)


def describe(error: Exception) -> Problem:
    """The problem for any exception; one that was not meant for clients keeps its text to itself."""
    if isinstance(error, HTTPException):
        return _problem(error.status_code, detail=error.detail)
    if isinstance(error, RequestValidationError):
        errors = [
            {"location": ".".join(map(str, item["loc"])), "detail": item["msg"]}
            for item in error.errors()
        ]
        return _problem(422, detail="The request is not valid.", errors=errors)
    return _problem(500, detail="The service failed; its log says why.")


def _problem(status: int, **members: Any) -> Problem:
    title = HTTPStatus(status).phrase
    if members["detail"] == title:
        members["detail"] = None
    return Problem(title=title, status=status, **members)


async def http_problem(request: Request, error: Exception) -> Response:
    return _response(describe(error), getattr(error, "headers", None))


async def validation_problem(request: Request, error: Exception) -> Response:
    return _response(describe(error))


async def internal_problem(request: Request, error: Exception) -> Response:
    return _response(describe(error))


def _response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, problem.status, headers, media_type=MEDIA_TYPE)
