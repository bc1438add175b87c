"""What the core adds to an app as a whole."""

import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from . import health, metrics
from .compression import CompressionMiddleware
from .openapi import add_openapi_3_1, describe_streams
from .problems import HANDLERS, answer
from .routing import ProblemRoute
from .shutdown import SERVER
from .turns import TurnMiddleware

NOT_KEPT = (
    f"This server was not started by `python -m {__name__.rpartition('.')[0]}`: it may keep the "
    "connection of a reader that was dropped, also after SIGTERM, closes before a proxy can see "
    "that it leaves, may answer HTTP/1.0 in chunks, and sets no limits to headers, bodies and "
    "pipelined requests (see docs/streaming.md)."
)

logger = logging.getLogger(__name__)


@asynccontextmanager
async def say_what_is_not_kept(app: Any) -> AsyncGenerator[None, None]:
    """A lifespan that warns where the server adapter is missing.

    Nobody imports the adapter but who hands it to a server, before the app is started.
    """
    if SERVER not in sys.modules:
        logger.warning(NOT_KEPT)
    yield


def add_streaming(app: FastAPI, *, problems: bool = False) -> None:
    """Give `app` compression, `/healthz`, `/readyz` and `/metrics`.

    On SIGTERM its streams end in good order, and each stream leaves a line in the log. Errors of
    the app's own routes stay as they are; with `problems` they are RFC 9457 problems, as those of
    a `ProblemRouter` are anyway. Call it before the app is started.
    """
    metrics.log_streams()
    # `itemSchema`, which FastAPI writes for streamed types, is new in OpenAPI 3.2.
    app.openapi_version = "3.2.0"
    describe_streams(app)
    add_openapi_3_1(app)
    if problems:
        for kind, handler in (HANDLERS | {Exception: answer}).items():
            app.add_exception_handler(kind, handler)
        app.router.route_class = ProblemRoute
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(APIRouter(lifespan=say_what_is_not_kept))
    app.add_middleware(CompressionMiddleware)
    app.add_middleware(TurnMiddleware)
