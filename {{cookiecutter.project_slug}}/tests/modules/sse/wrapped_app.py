"""The service of the engine's tests with what teams put around it."""

from fastapi import FastAPI

from tests.modules.sse.engine_app import app
from tests.streaming.variants import VARIANTS


def __getattr__(name: str) -> FastAPI:
    if name not in VARIANTS:
        raise AttributeError(name)
    VARIANTS[name](app)
    return app
