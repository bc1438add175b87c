from collections.abc import AsyncGenerator

from pydantic import BaseModel

from {{ cookiecutter.package_name }}.main import app
from {{ cookiecutter.package_name }}.records import (
    batching,
    formats,
)
from {{ cookiecutter.package_name }}.streaming import (
    responses,
)


class Square(BaseModel):
    number: int
    square: int


async def squares() -> AsyncGenerator[Square]:
    for number in range(1_000_000):
        yield Square(number=number, square=number**2)


@app.get("/squares", response_class=responses.StreamResponse)
async def stream_squares() -> responses.StreamResponse:
    encoder = formats.JsonLines(end_record=True)
    chunks = batching.encode_batches(squares(), encoder)
    return responses.StreamResponse(chunks, media_type=encoder.media_type)
