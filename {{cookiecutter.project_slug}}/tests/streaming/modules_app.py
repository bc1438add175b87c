"""The modules in an app of their own: their tests ask it, where they are in somebody else's app."""

from fastapi import FastAPI

from {{ cookiecutter.package_name }} import (
    modules,
)
from {{ cookiecutter.package_name }}.streaming import (
    application,
    shutdown,
)


def create_app() -> FastAPI:
    app = FastAPI(max_body_size=1024 * 1024, lifespan=shutdown.drain_on_signals)
    for router in modules.routers():
        app.include_router(router)
    application.add_streaming(app, problems=True)
    return app


app = create_app()
