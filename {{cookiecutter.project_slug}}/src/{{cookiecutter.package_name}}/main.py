from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import metadata
from importlib.util import find_spec

from fastapi import APIRouter, FastAPI

from . import modules
from .api_docs import add_docs
from .settings import Settings
from .streaming.application import add_streaming
from .streaming.configuration import check_settings
from .streaming.problems import RESPONSES
from .streaming.shutdown import drain_on_signals


def console_routers() -> Iterator[APIRouter]:
    """That of the page at `/`, unless its folder was deleted."""
    if find_spec(f"{__package__}.console"):
        yield import_module(f"{__package__}.console").router


def create_app() -> FastAPI:
    """Raises `SystemExit` when a setting is wrong."""
    routers = [*console_routers(), *modules.routers()]
    check_settings()
    about = metadata(__name__.partition(".")[0])
    app = FastAPI(
        title=about["Name"],
        summary=about["Summary"],
        version=about["Version"],
        max_body_size=Settings().max_body_bytes,
        responses=RESPONSES,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=drain_on_signals,  # the first: signals are heard while the others start
    )
    for router in routers:
        app.include_router(router)
    add_docs(app)
    add_streaming(app, problems=True)
    return app


app = create_app()
