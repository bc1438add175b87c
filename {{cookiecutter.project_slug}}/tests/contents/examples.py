"""What docs/contents.md shows."""

from pathlib import Path

from fastapi import APIRouter, Request, Response

from {{ cookiecutter.package_name }}.contents import (
    ContentResponse,
    digest_headers,
    open_storage,
)

router = APIRouter()

reports = open_storage(Path("reports"))


@router.get("/reports/{path:path}")
async def send_report(request: Request, path: str) -> Response:
    content = await reports.open(path)
    return ContentResponse(request, content, await digest_headers(request, content))
