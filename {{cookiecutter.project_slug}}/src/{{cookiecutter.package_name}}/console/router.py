from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from ..streaming.routing import ProblemRouter
from .links import find_links, link_the_page
from .sections import write_sections

HERE = Path(__file__).parent
CLIENTS = Path("clients", "javascript")
# What all of them import: another folder of that name is not to be served.
SHARED = Path("streaming", "connection.js")
PAGE = Template((HERE / "page.html").read_text(encoding="utf-8"))
HEADERS = {
    # All that the page loads comes from the service, and no text that it shows is ever code.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "Cache-Control": "no-store",
}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    link_the_page(app)
    yield


router = ProblemRouter(include_in_schema=False, lifespan=lifespan)


def find_clients() -> Path | None:
    """The JavaScript client examples: beside the package in the project, beside `.venv` in the image.

    None where the package alone was installed.
    """
    folders = (folder / CLIENTS for folder in HERE.parents)
    return next((folder for folder in folders if (folder / SHARED).is_file()), None)


class Assets(StaticFiles):
    """Files that a browser asks for again each time: those of two versions do not go together."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


# Pieces import `../clients/….js`.
if clients := find_clients():
    router.mount("/console/clients", Assets(directory=clients))
router.mount("/console", Assets(directory=HERE / "static"))


@router.get("/", response_class=HTMLResponse)
async def console(request: Request) -> HTMLResponse:
    """The page that shows what is there, read off the service's own OpenAPI document."""
    openapi = request.app.openapi()
    about = openapi["info"]
    page = PAGE.substitute(
        title=escape(about["title"]),
        summary=escape(about.get("summary", "")),
        sections="\n".join(write_sections(find_links(openapi))),
    )
    return HTMLResponse(page, headers=HEADERS)
