"""An app that a function makes: a token for everything, no docs, errors in a form of its own."""

from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Signature:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sign(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-signed-by", b"depot"))
            await send(message)

        await self.app(scope, receive, sign)


def check_token(x_token: Annotated[str, Header()] = "") -> None:
    if x_token != "sesame":  # noqa: S105
        raise HTTPException(401, "Who are you?")


async def say_failed(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"failed": True}, 500)


async def say_nothing_here(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"nothing": request.url.path}, 404)


def create_app() -> FastAPI:
    app = FastAPI(openapi_url=None, dependencies=[Depends(check_token)], redirect_slashes=False)
    app.add_middleware(GZipMiddleware, minimum_size=100)
    app.add_middleware(Signature)
    app.add_exception_handler(Exception, say_failed)
    app.add_exception_handler(404, say_nothing_here)

    @app.get("/shelves")
    def list_shelves() -> list[str]:
        return ["A" * 200]

    @app.get("/fails")
    def fail() -> None:
        raise RuntimeError("out of space")

    return app


app = create_app()
