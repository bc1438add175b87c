from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path as FolderPath
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import HTTPException, Path, Query, Request
from fastapi.responses import FileResponse, Response
from starlette.datastructures import Headers
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from ...streaming.responses import FileStreamResponse
from ...streaming.routing import ProblemRouter
from .listing import FileEntry, list_files
from .source import open_folder


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[dict[str, FolderPath], None]:
    yield {"files_folder": await run_sync(open_folder)}


router = ProblemRouter(prefix="/files", tags=["file_download"], lifespan=lifespan)


@router.get("")
def list_folder(
    request: Request,
    after: Annotated[str, Query(description="Cursor: the last path that you have.")] = "",
    limit: Annotated[int, Query(ge=1, le=10_000, description="Most files to list.")] = 1_000,
) -> list[FileEntry]:
    """List the files, in the order of their paths."""
    return list_files(request.state.files_folder, after, limit)


class Folder(StaticFiles):
    """Starlette's way from a path to a file, with our response for it."""

    def file_response(
        self, full_path: Any, stat_result: Any, scope: Scope, status_code: int = 200
    ) -> Response:
        response = FileStreamResponse(full_path, status_code=status_code, stat_result=stat_result)
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response


@router.get("/{path:path}", response_class=FileResponse)
@router.head("/{path:path}", response_class=FileResponse)
async def download_file(
    request: Request,
    path: Annotated[str, Path(description="A path of the listing.", examples=["readings.csv"])],
) -> Response:
    """Send a file, or the ranges of it that `Range` asks for (RFC 9110, section 14)."""
    files = Folder(directory=request.state.files_folder)
    try:
        response = await files.get_response(path, request.scope)
    except OSError as error:  # such as a link to itself
        raise HTTPException(404) from error
    # The file is somebody's data: no browser should run it as a page of this origin.
    response.headers["Content-Disposition"] = "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
