from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Path, Request

from ...records import tables
from ...records.batching import encode_batches
from ...records.openapi import add_paths
from ...streaming.attachment import attachment
from ...streaming.responses import StreamResponse
from ...streaming.routing import ProblemRouter
from . import jobs
from .choice import choose
from .descriptions import describe
from .source import lifespan


@asynccontextmanager
async def run(app: FastAPI) -> AsyncGenerator[jobs.State, None]:
    add_paths(app, describe)
    async with tables.lifespan(app), lifespan(app), jobs.lifespan(app) as state:
        yield state


router = ProblemRouter(tags=["batch_export"], lifespan=run)
router.include_router(jobs.router)


@router.get("/exports/{source:path}", response_class=StreamResponse, include_in_schema=False)
async def export_table(request: Request, source: Annotated[str, Path()]) -> StreamResponse:
    """Export a whole table as one file, written while it is sent."""
    choice = await choose(source, request.query_params)
    encoder = choice.make_encoder()
    return StreamResponse(
        encode_batches(choice.read(), encoder),
        headers={
            "Content-Disposition": attachment(f"{source}.{encoder.name}"),
            **encoder.headers,
        },
        media_type=encoder.media_type,
    )
