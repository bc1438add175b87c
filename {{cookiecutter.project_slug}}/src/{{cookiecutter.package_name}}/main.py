import pkgutil
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import metadata

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from . import console, modules
from .settings import Settings
from .streaming import health, metrics, problems
from .streaming.compression import CompressionMiddleware
from .streaming.delivery import AbortableConnections


def module_routers() -> Iterator[APIRouter]:
    """The router of every module that is in `modules/`; adding a module is adding its folder."""
    for module in pkgutil.iter_modules(modules.__path__, f"{modules.__name__}."):
        yield import_module(f"{module.name}.router").router


class Service(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        """Put the core's outermost layers around those of FastAPI, which `add_middleware` cannot."""
        return AbortableConnections(problems.ProblemResponses(super().build_middleware_stack()))


def create_app() -> FastAPI:
    metrics.log_streams()
    about = metadata(__name__.partition(".")[0])
    app = Service(
        title=about["Name"],
        summary=about["Summary"],
        version=about["Version"],
        max_body_size=Settings().max_body_bytes,
        responses=problems.RESPONSES,
    )
    # `itemSchema`, which FastAPI writes for streamed types, is new in OpenAPI 3.2.
    app.openapi_version = "3.2.0"
    problems.add_handlers(app)
    app.include_router(console.router)
    for router in module_routers():
        app.include_router(router)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.add_middleware(CompressionMiddleware)
    return app


app = create_app()
