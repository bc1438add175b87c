"""An app that was there before the core, with errors of its own in its own forms.

`bare` is without the core, `guest` with it, and `opted` has chosen problems for its own routes.
"""

import gzip
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel
from starlette.middleware.gzip import GZipMiddleware

from {{ cookiecutter.package_name }}.streaming import (
    application,
    responses,
    routing,
)

own = APIRouter(prefix="/own")
ours = routing.ProblemRouter(prefix="/ours")

SENTENCE = "The warehouse is closed. " * 100
DETAIL = {"code": 7, "by": ["anna", None], "status": "locked", "note": "é"}


class Item(BaseModel):
    name: str


class OutOfStock(Exception):
    pass


class Locked(HTTPException):
    type = "https://example.org/locked"


async def say_out_of_stock(request: Request, error: Exception) -> Response:
    return JSONResponse({"out_of_stock": str(error)}, 410, {"X-Own": "yes"})


RAISED: dict[str, Exception] = {
    "detail": HTTPException(409, DETAIL, {"X-Own": "yes", "Retry-After": "7"}),
    "list": HTTPException(409, ["a", {"b": None}]),
    "text": HTTPException(409, "Not now."),
    "499": HTTPException(499),
    "520": HTTPException(520, "Of whatever kind."),
    "redirect": HTTPException(307, headers={"Location": "/own/text"}),
    "not-modified": HTTPException(304, headers={"ETag": '"1"'}),
    "stock": OutOfStock("apples"),
    "locked": Locked(423, "Anna has it."),
    "bug": RuntimeError("the password is hunter2"),
}
COMPRESSED = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
RETURNED: dict[str, Callable[[], Response]] = {
    "plain": lambda: PlainTextResponse(SENTENCE, 503, {"Retry-After": "9"}),
    "gzip": lambda: Response(gzip.compress(SENTENCE.encode(), mtime=0), 503, COMPRESSED),
    "html": lambda: Response("<p>Gone</p>", 410, media_type="text/html"),
    "empty": lambda: Response(status_code=502),
}


for router in (own, ours):

    @router.api_route("/fails/{kind}", methods=["GET", "HEAD"])
    async def fail_in_the_endpoint(kind: str) -> Any:
        if kind in RAISED:
            raise RAISED[kind]
        return RETURNED[kind]()

    @router.get("/streams/{kind}", response_class=responses.StreamResponse)
    async def fail_before_the_first_byte(kind: str) -> Any:
        raise RAISED[kind]
        yield b""

    @router.get("/numbers")
    async def take_numbers(number: Annotated[list[int], Query()]) -> list[int]:
        return number

    @router.get("/items")
    async def list_items() -> list[Item]:
        return []

    @router.post("/items", status_code=201)
    async def take_item(item: Item) -> Item:
        return item

    @router.get("/file", response_class=responses.FileStreamResponse)
    async def send_file() -> Any:
        return responses.FileStreamResponse(__file__, media_type="text/x-python")


def create_app() -> FastAPI:
    app = FastAPI(max_body_size=1000)
    app.add_middleware(GZipMiddleware, minimum_size=100)

    @app.middleware("http")
    async def sign(request: Request, call_next: Any) -> Response:
        response = await call_next(request)
        response.headers["X-Signed"] = "yes"
        return response

    app.add_exception_handler(OutOfStock, say_out_of_stock)
    app.include_router(own)
    app.include_router(ours)
    app.include_router(ours, prefix="/data")
    return app


def with_handlers(app: FastAPI) -> FastAPI:
    """Let `app` have a form of its own for each kind of error, as teams do."""

    @app.exception_handler(404)
    @app.exception_handler(HTTPException)
    @app.exception_handler(RequestValidationError)
    @app.exception_handler(Exception)
    async def handle(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": type(error).__name__}, 418, {"X-Handled": "yes"})

    return app


bare, guest, opted = create_app(), create_app(), create_app()
application.add_streaming(guest)
application.add_streaming(opted, problems=True)
bare_with_handlers, guest_with_handlers = with_handlers(create_app()), with_handlers(create_app())
application.add_streaming(guest_with_handlers)

# All of them behind one server, each at its name.
app = FastAPI(lifespan=guest.router.lifespan_context)
for name, mounted in list(globals().items()):
    if isinstance(mounted, FastAPI) and mounted is not app:
        app.mount(f"/{name}", mounted)
