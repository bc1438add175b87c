from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from ...records import tables
from ...records.batching import encode_batches
from ...records.filters import parse
from ...records.formats import Encoder
from ...records.openapi import add_paths
from ...streaming.attachment import attachment
from ...streaming.responses import StreamResponse
from ...streaming.routing import ProblemRouter
from .descriptions import describe
from .encoding import RecordEncoder
from .following import follow, read
from .locales import LocalizedCsv
from .negotiation import negotiate
from .offers import find_offer, known_offers
from .parameters import Parameters
from .source import lifespan


@asynccontextmanager
async def run(app: FastAPI) -> AsyncGenerator[None, None]:
    add_paths(app, lambda: describe(known_offers()))
    async with tables.lifespan(app), lifespan(app):
        yield


router = ProblemRouter(prefix="/records", tags=["jsonl"], lifespan=run)


@router.get("/{source:path}", response_class=StreamResponse, include_in_schema=False)
async def stream_records(request: Request, source: Annotated[str, Path()]) -> Response:
    """Stream records; `describe` tells OpenAPI of each source."""
    offer = await find_offer(source)
    parameters = parse(offer.parameters, request.query_params)
    encoder = negotiate(request, parameters, offer.source.headings)
    headers = response_headers(offer.name, encoder, parameters)
    query = offer.query(parameters)
    batches = follow(offer.source, query) if parameters.follow else read(offer.source, query)
    records = RecordEncoder(encoder, parameters, offer.source.key, offer.cursors)
    chunks = encode_batches(batches, records)
    return StreamResponse(chunks, headers=headers, media_type=encoder.media_type)


def response_headers(name: str, encoder: Encoder, parameters: Parameters) -> dict[str, str]:
    headers = {"Vary": "Accept", "X-Content-Type-Options": "nosniff", **encoder.headers}
    if isinstance(encoder, LocalizedCsv):
        headers["Content-Language"] = str(encoder.locale).replace("_", "-")
    if parameters.download:
        headers["Content-Disposition"] = attachment(f"{name}.{encoder.name}")
    return headers
