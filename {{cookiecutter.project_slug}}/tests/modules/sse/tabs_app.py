"""The service with the JavaScript clients beside it, for pages that import them."""

from fastapi.staticfiles import StaticFiles

from tests.streaming.fixtures import PROJECT
from tests.streaming.modules_app import app

__all__ = ["app"]

app.mount("/clients", StaticFiles(directory=PROJECT / "clients" / "javascript"))
