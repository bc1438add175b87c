"""Every error as an RFC 9457 problem detail."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
            {
                "location": ".".join(map(str, item["loc"])),
                "detail": item["msg"].removeprefix("Value error, "),
            }
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


class ProblemResponses:
    """Middleware that makes a problem of an error that somebody else has answered.

    Starlette answers a body that is too large, or a range outside of a file, in plain text before
    a handler is asked. Headers that such an answer has stay.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        replaced: Message | None = None
        text = b""

        async def send_problem(message: Message) -> None:
            nonlocal replaced, text
            if message["type"] == "http.response.start" and _is_foreign(message):
                replaced = message
            elif replaced is None:
                await send(message)
            else:
                text += message.get("body", b"")
                if not message.get("more_body", False):
                    await _replace(replaced, text, scope, receive, send)

        await self.app(scope, receive, send_problem)


def _is_foreign(start: Message) -> bool:
    if start["status"] < HTTPStatus.BAD_REQUEST:
        return False
    content_type = Headers(raw=start["headers"]).get("content-type", "")
    return content_type.partition(";")[0] in {"", "text/plain"}


async def _replace(start: Message, text: bytes, scope: Scope, receive: Receive, send: Send) -> None:
    problem = _problem(start["status"], detail=text.decode(errors="replace") or None)
    response = _response(problem)
    for name, value in Headers(raw=start["headers"]).items():
        if name not in {"content-type", "content-length"}:
            response.headers.append(name, value)
    await response(scope, receive, send)
