"""The response for a content: headers, and its body on the fastest way that the server offers."""

from collections.abc import Mapping

from fastapi import Request
from starlette.responses import Response

from .representation import Content, Representation


class ContentResponse(Response):
    """Answers GET and HEAD with what the request's preconditions and ranges say; closes `content`.

    Raises `HTTPException` 412 and 416 before anything is sent.
    """

    def __init__(
        self, request: Request, content: Content, headers: Mapping[str, str] | None = None
    ) -> None:
        raise NotImplementedError


def describe(representation: Representation) -> dict[str, str]:
    """The headers of a 200, without its length."""
    raise NotImplementedError
