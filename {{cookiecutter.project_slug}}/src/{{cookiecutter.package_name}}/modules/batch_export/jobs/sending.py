"""A segment on its way to its client."""

from dataclasses import replace

import http_sf
from fastapi import HTTPException, Request

from ....contents import ContentResponse, NotOffered, Storage
from ....records.formats import ArrowStream, Csv, JsonLines, Parquet
from ....streaming.attachment import attachment
from .folder import keep
from .job import Job

MEDIA_TYPES = {each.name: each.media_type for each in (Csv, JsonLines, Parquet, ArrowStream)}


async def send_segment(
    request: Request, storage: Storage, job: Job, number: int
) -> ContentResponse:
    """A whole segment, or the ranges of it that are asked for; it is not swept meanwhile."""
    segment = job.segments[number - 1]
    try:
        content = await storage.open(f"{job.id}/{segment.file}")
    except NotOffered as error:
        raise HTTPException(404, "The segment has expired.") from error
    if content.file:
        keep(content.file)
    content.representation = replace(
        content.representation,
        etag=f'"{segment.sha256}"',
        declared_type=MEDIA_TYPES[job.format],
    )
    digest = bytes.fromhex(segment.sha256)
    headers = {
        "Content-Disposition": attachment(f"{job.source}-{number}.{job.format}"),
        # Compression would take its ranges and its digest away.
        "Cache-Control": "private, no-transform",
        "Repr-Digest": http_sf.ser({"sha-256": (digest, {})}),
    }
    return ContentResponse(request, content, headers)
