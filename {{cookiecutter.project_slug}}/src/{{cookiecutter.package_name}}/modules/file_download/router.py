from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import HTTPException, Path, Query, Request
from starlette.responses import Response

from ...streaming.codings import rank_codings
from ...streaming.pools import LISTINGS
from ...streaming.routing import ProblemRouter
from .folder import Folder
from .listing import FileEntry, list_files
from .local import LocalStorage
from .representation import Storage
from .sending import ContentResponse
from .source import open_folder


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[dict[str, Storage], None]:
    yield {"files": LocalStorage(Folder(await run_sync(open_folder)))}


router = ProblemRouter(prefix="/files", tags=["file_download"], lifespan=lifespan)


@router.get("")
async def list_folder(
    request: Request,
    after: Annotated[str, Query(description="Cursor: the last path that you have.")] = "",
    limit: Annotated[int, Query(ge=1, le=10_000, description="Most files to list.")] = 1_000,
) -> list[FileEntry]:
    """List the files, in the order of their paths."""
    folder = request.state.files.folder.root
    return await run_sync(list_files, folder, after, limit, limiter=LISTINGS)


@router.get("/{path:path}", response_class=ContentResponse)
@router.head("/{path:path}", response_class=ContentResponse)
async def download_file(
    request: Request,
    path: Annotated[str, Path(description="A path of the listing.", examples=["readings.csv"])],
) -> Response:
    """Send a file, or the ranges of it that are asked for, as RFC 9110 has it."""
    codings = rank_codings(", ".join(request.headers.getlist("accept-encoding")))
    try:
        content = await request.state.files.open(path, codings)
    except FileNotFoundError as error:
        raise HTTPException(404) from error
    return ContentResponse(request, content)
