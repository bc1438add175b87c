from collections.abc import AsyncGenerator

from pydantic import BaseModel

from {{ cookiecutter.package_name }}.main import app
from {{ cookiecutter.package_name }}.streaming.batching import encode_batches
from {{ cookiecutter.package_name }}.streaming.formats import JsonLines
from {{ cookiecutter.package_name }}.streaming.responses import StreamResponse


class Square(BaseModel):
    number: int
    square: int


async def squares() -> AsyncGenerator[Square]:
    for number in range(1_000_000):
        yield Square(number=number, square=number**2)


@app.get("/squares", response_class=StreamResponse)
async def stream_squares() -> StreamResponse:
    chunks = encode_batches(squares(), JsonLines(end_record=True))
    return StreamResponse(chunks, media_type=JsonLines.media_type)
