from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Path, Query, Request
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from ...contents import CONTENT, ContentResponse, NotOffered, Storage, digest_headers, open_storage
from ...streaming.codings import rank_codings
from ...streaming.pools import LISTINGS
from ...streaming.routing import ProblemRouter
from .answers import LISTED, ZIPPED
from .archive import ZipResponse, choose_members
from .entries import FileEntry, encode_page
from .settings import FileDownloadSettings
from .source import open_folder


def open_files() -> Storage:
    settings = FileDownloadSettings()
    place = settings.storage_url or open_folder()
    return open_storage(place, settings.accel_location, settings.presigned_seconds)


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[dict[str, Storage], None]:
    yield {"files": await run_sync(open_files)}


router = ProblemRouter(tags=["file_download"], lifespan=lifespan)


class PageParameters(BaseModel, extra="forbid"):
    folder: Annotated[str, Field(description="Only what is below this folder.")] = ""
    after: Annotated[str, Field(description="Cursor: the last path that you have.")] = ""
    limit: Annotated[int, Field(ge=1, le=10_000, description="Most files to list.")] = 1_000


class ArchiveParameters(BaseModel, extra="forbid"):
    path: Annotated[list[str], Field(description="A path of the listing; may be repeated.")] = []
    folder: Annotated[str, Field(description="All that is below this folder.")] = ""

    @model_validator(mode="after")
    def check_choice(self) -> "ArchiveParameters":
        if self.path and self.folder:
            raise ValueError("Say either path or folder.")
        return self


@router.get("/files", response_model=list[FileEntry], responses=LISTED)
async def list_files(request: Request, page: Annotated[PageParameters, Query()]) -> Response:
    """List the files, in the order of their paths."""
    storage: Storage = request.state.files
    files = await storage.list(page.folder.rstrip("/"), page.after, page.limit)
    content = await run_sync(encode_page, files, limiter=LISTINGS)
    return Response(content, 200, {"Cache-Control": "no-store"}, "application/json")


@router.get("/files.zip", response_class=ZipResponse, status_code=200, responses=ZIPPED)
async def download_archive(
    request: Request, choice: Annotated[ArchiveParameters, Query()]
) -> Response:
    """Send several files, all below a folder, or all there are, as one ZIP."""
    storage: Storage = request.state.files
    folder = choice.folder.rstrip("/")
    members = await choose_members(storage, choice.path, folder)
    name = folder.rpartition("/")[2] or "files"
    return await run_sync(ZipResponse, storage, members, name, limiter=LISTINGS)


@router.get("/files/{path:path}", responses=CONTENT, response_class=Response)
async def download_file(
    request: Request,
    path: Annotated[str, Path(description="A path of the listing.", examples=["readings.csv"])],
) -> Response:
    """Send a file, or the ranges of it that are asked for, as RFC 9110 has it."""
    storage: Storage = request.state.files
    codings = rank_codings(", ".join(request.headers.getlist("accept-encoding")))
    # Starlette leaves a line feed at the end away.
    if not request.scope["path"].endswith(path):
        raise NotOffered
    content = await storage.open(path, codings)
    if offloaded := await content.offload(request.method):
        await content.close()
        return offloaded
    return ContentResponse(request, content, await digest_headers(request, content))
