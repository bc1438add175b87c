"""A segment on its way to its client."""

import base64
from pathlib import Path

from fastapi import HTTPException
from starlette.types import Receive, Scope, Send

from ....records.formats import ArrowStream, Csv, JsonLines, Parquet
from ....records.names import attachment
from ....streaming.responses import FileStreamResponse
from .folder import reading
from .job import Job

MEDIA_TYPES = {each.name: each.media_type for each in (Csv, JsonLines, Parquet, ArrowStream)}


class SegmentResponse(FileStreamResponse):
    """A whole segment, or a range of it; it is not swept meanwhile."""

    def __init__(self, path: Path, job: Job, number: int) -> None:
        sha256 = job.segments[number - 1].sha256
        digest = base64.b64encode(bytes.fromhex(sha256)).decode()
        headers = {
            "Content-Disposition": attachment(f"{job.source}-{number}.{job.format}"),
            # Compression would take its ranges and its digest away.
            "Cache-Control": "private, no-transform",
            "ETag": f'"{sha256}"',
            "Repr-Digest": f"sha-256=:{digest}:",  # RFC 9530
            "X-Content-Type-Options": "nosniff",
        }
        super().__init__(path, headers=headers, media_type=MEDIA_TYPES[job.format])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with reading(Path(self.path)):
                await super().__call__(scope, receive, send)
        except FileNotFoundError as error:
            raise HTTPException(404, "The segment has expired.") from error
