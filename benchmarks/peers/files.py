"""A download with Starlette's own response, and as people write it without."""

import os
from collections.abc import Iterator
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.staticfiles import StaticFiles

FOLDER = Path(os.environ["FILE_DOWNLOAD_FOLDER"])
READ_BYTES = 64 * 1024

app = FastAPI()
app.mount("/static", StaticFiles(directory=FOLDER))


@app.get("/naive/{name}")
def download(name: str) -> StreamingResponse:
    return StreamingResponse(read_file(FOLDER / name), media_type="application/octet-stream")


def read_file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            yield chunk
