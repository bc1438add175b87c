"""What the core adds to an app as a whole."""

from fastapi import FastAPI
from starlette.types import ASGIApp

from . import health, metrics, problems
from .compression import CompressionMiddleware
from .delivery import AbortableConnections


def add_streaming(app: FastAPI) -> None:
    """Give `app` compression, problems for its errors, `/healthz`, `/readyz` and `/metrics`.

    On SIGTERM its streams end in good order, and each stream leaves a line in the log. Call it
    before the app is started.
    """
    metrics.log_streams()
    # `itemSchema`, which FastAPI writes for streamed types, is new in OpenAPI 3.2.
    app.openapi_version = "3.2.0"
    problems.add_handlers(app)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.add_middleware(CompressionMiddleware)
    build = app.build_middleware_stack

    def build_around() -> ASGIApp:
        return AbortableConnections(problems.ProblemResponses(build()))

    # `add_middleware` puts nothing around FastAPI's own outermost layers.
    app.build_middleware_stack = build_around
