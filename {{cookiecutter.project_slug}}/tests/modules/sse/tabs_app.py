"""The service with the JavaScript clients beside it, for pages that import them."""

from fastapi.staticfiles import StaticFiles

from {{ cookiecutter.package_name }}.main import app

from tests.streaming.fixtures import PROJECT

__all__ = ["app"]

app.mount("/clients", StaticFiles(directory=PROJECT / "clients" / "javascript"))
