"""Routes that answer their errors with problems, whatever app they are in."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.routing import Match
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from .problems import HANDLERS, RESPONSES, answer

# Where Starlette and FastAPI keep the handlers that the app has for exceptions and for statuses.
HANDLERS_SCOPE_KEY = "starlette.exception_handlers"
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


class ProblemRoute(APIRoute):
    """A route whose errors are problems, and which answers OPTIONS.

    What the app has handlers for remains its own, but for FastAPI's two kinds of exceptions.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._respond = ServerErrorMiddleware(super().handle, answer)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        handlers, _ = scope[HANDLERS_SCOPE_KEY]
        scope[HANDLERS_SCOPE_KEY] = handlers | HANDLERS, {}
        refusal = self._refuse(scope)
        response = await answer(Request(scope), refusal) if refusal else self._respond
        await response(scope, receive, send)

    def _refuse(self, scope: Scope) -> HTTPException | None:
        # Starlette would put plain text in the place of the answer where nobody reads the body.
        limit = (
            scope.get(MAX_BODY_SIZE_SCOPE_KEY) if self.max_body_size is None else self.max_body_size
        )
        length = Headers(scope=scope).get("content-length", "")
        if limit is not None and length.isdecimal() and int(length) > limit:
            return HTTPException(413)
        if scope["method"] in (self.methods or ()):
            return None
        status = 204 if scope["method"] == "OPTIONS" else 405
        return HTTPException(status, headers={"Allow": ", ".join(_allowed_methods(scope))})


class ProblemRouter(APIRouter):
    """A router of `ProblemRoute`s, which answers HEAD wherever it answers GET."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=ProblemRoute, responses=RESPONSES, **options)

    @override
    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().add_api_route(path, endpoint, **options)
        if "GET" in options["methods"] and "HEAD" not in options["methods"]:
            unlisted: dict[str, Any] = {"methods": ["HEAD"], "include_in_schema": False}
            super().add_api_route(path, endpoint, **options | unlisted)


def _allowed_methods(scope: Scope) -> list[str]:
    """The methods of all routes at the same path."""
    routes = scope["app"].routes
    scopes = [{**scope, "method": method} for method in METHODS]
    found = [any(route.matches(each)[0] is Match.FULL for route in routes) for each in scopes]
    return [m for m, is_found in zip(METHODS, found, strict=True) if is_found or m == "OPTIONS"]
