"""Contents that turn out to be wrong, before their first byte or behind it."""

from collections.abc import AsyncGenerator

from fastapi import FastAPI, HTTPException, Request, Response

from {{ cookiecutter.package_name }}.contents.representation import (
    Content,
    ContentChanged,
    Representation,
)
from {{ cookiecutter.package_name }}.contents.sending import (
    ContentResponse,
)
from {{ cookiecutter.package_name }}.streaming import (
    ProblemRouter,
    add_streaming,
)

CHUNK = bytes(65536)
CHUNKS = 100
ERRORS = {
    "changed": ContentChanged("data.bin"),
    "store": HTTPException(503, "The store of the files has failed."),
    "bug": ZeroDivisionError(),
}


class Troubled(Content):
    representation = Representation("data.bin", CHUNKS * len(CHUNK), '"1"', None)

    def __init__(self, error: Exception, good_chunks: int) -> None:
        self._error = error
        self._good_chunks = good_chunks

    async def read(self, span: range) -> AsyncGenerator[bytes, None]:
        for _ in range(self._good_chunks):
            yield CHUNK
        raise self._error

    async def offload(self, method: str) -> None:
        return None


router = ProblemRouter()


@router.get("/{error}/{good_chunks}")
async def send(request: Request, error: str, good_chunks: int) -> Response:
    return ContentResponse(request, Troubled(ERRORS[error], good_chunks), {})


app = FastAPI()
add_streaming(app)
app.include_router(router)
