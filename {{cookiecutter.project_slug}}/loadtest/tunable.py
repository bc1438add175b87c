"""What `make tune` measures: records that are made one by one, sent in chunks of any size."""

import json
from collections.abc import AsyncIterator
from itertools import count

from fastapi import FastAPI

from {{ cookiecutter.package_name }}.streaming import (
    StreamResponse,
    add_streaming,
)
from {{ cookiecutter.package_name }}.streaming.codings import (
    Zstandard,
    zstd,
)

LEVEL = zstd.CompressionParameter.compression_level

app = FastAPI()
add_streaming(app)


class JsonLines(StreamResponse):
    media_type = "application/jsonl"


@app.get("/lines/{chunk}/{level}", response_class=JsonLines)
async def stream_lines(chunk: int, level: int) -> AsyncIterator[bytes]:
    """Without an end; the level holds for all requests to come."""
    Zstandard.OPTIONS = {**Zstandard.OPTIONS, LEVEL: level}
    lines = bytearray()
    for number in count():
        reading = {"id": number, "sensor": f"s{number % 97}", "site": "Lyon", "value": number / 7}
        lines += json.dumps(reading).encode() + b"\n"
        if len(lines) >= chunk:
            yield bytes(lines)
            lines.clear()
