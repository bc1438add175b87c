"""The modules in an app of their own: their tests ask it, where they are in somebody else's app."""

from fastapi import FastAPI

from {{ cookiecutter.package_name }} import (
    modules,
)
from {{ cookiecutter.package_name }}.streaming import (
    application,
)

app = FastAPI(max_body_size=1024 * 1024)
for router in modules.routers():
    app.include_router(router)
application.add_streaming(app, problems=True)
