"""A segment on its way to its client."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

import http_sf
from fastapi import HTTPException, Request
from starlette.types import Receive, Scope, Send

from ....contents import Content, ContentResponse, NotOffered, Representation, Storage
from ....records.formats import ArrowStream, Csv, JsonLines, Parquet
from ....streaming.attachment import attachment
from .job import Job
from .store import JobStore, JobsUnavailable

MEDIA_TYPES = {each.name: each.media_type for each in (Csv, JsonLines, Parquet, ArrowStream)}
# A job that is being read does not expire for so long.
HOLD_SECONDS = 6
Hold = Callable[[], Awaitable[None]]


class SegmentContent(Content):
    """To its storage it has another ETag."""

    def __init__(self, stored: Content, representation: Representation) -> None:
        self.representation = representation
        self.file = stored.file
        self._stored = stored

    def read(self, span: range) -> AsyncGenerator[bytes, None]:
        return self._stored.read(span)

    async def offload(self, method: str) -> None:
        return None

    async def close(self) -> None:
        await self._stored.close()


class SegmentResponse(ContentResponse):
    """Its job does not expire while it is sent."""

    def __init__(
        self, request: Request, content: Content, headers: Mapping[str, str], hold: Hold
    ) -> None:
        super().__init__(request, content, headers)
        self._hold = hold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        holding = asyncio.create_task(self._keep_holding())
        try:
            await super().__call__(scope, receive, send)
        finally:
            holding.cancel()

    async def _keep_holding(self) -> None:
        while True:
            with suppress(JobsUnavailable):
                await self._hold()
            await asyncio.sleep(HOLD_SECONDS / 3)


async def send_segment(
    request: Request, storage: Storage, store: JobStore, job: Job, number: int
) -> SegmentResponse:
    """A whole segment, or the ranges of it that are asked for; it is not swept meanwhile."""
    segment = job.segments[number - 1]
    try:
        content = await storage.open(f"{job.id}/{segment.file}")
    except NotOffered as error:
        raise HTTPException(404, "The segment has expired.") from error
    representation = replace(
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
    hold = partial(store.hold, job.id, HOLD_SECONDS)
    return SegmentResponse(request, SegmentContent(content, representation), headers, hold)
