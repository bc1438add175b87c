"""The service with what teams put around it, which wraps what sends its responses."""

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from tests.streaming.modules_app import create_app
from tests.streaming.variants import VARIANTS


def __getattr__(name: str) -> FastAPI:
    app = create_app()
    if name == "gzip":
        app.add_middleware(GZipMiddleware)
    elif name in VARIANTS:
        VARIANTS[name](app)
    else:
        raise AttributeError(name)
    return app
