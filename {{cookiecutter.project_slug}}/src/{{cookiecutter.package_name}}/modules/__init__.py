"""The modules: each is a folder here. Adding one is adding its folder."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from fastapi import APIRouter, FastAPI

from ..streaming.application import add_streaming

__all__ = ["add_modules", "routers"]


def routers() -> Iterator[APIRouter]:
    """The router of every module that is here."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        yield import_module(f"{module.name}.router").router


def add_modules(app: FastAPI, *, prefix: str = "") -> None:
    """Give an app that was there before the modules below `prefix`, and what `add_streaming` adds.

    Call it before the app is started.
    """
    add_streaming(app)
    for router in routers():
        app.include_router(router, prefix=prefix)
