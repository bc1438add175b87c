"""The page at `/docs`; what it loads comes from the service, so that it opens without internet."""

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

# Relative to the page, so that they stand behind any prefix of a proxy.
ASSETS = "docs/assets"


def add_docs(app: FastAPI) -> None:
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=app.title,
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url="data:,",
    )

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return page

    files = StaticFiles(packages=[("fastapi_swagger", "resources")])
    app.mount(f"/{ASSETS}", files, name="docs")
