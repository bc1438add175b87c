from functools import reduce
from operator import or_
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import conlist

from ...streaming.batching import encode_batches
from ...streaming.formats import Csv, JsonLines, NdJson
from ...streaming.responses import StreamResponse
from .negotiation import NegotiatedEncoder
from .records import RecordSource
from .source import SOURCES, lifespan

router = APIRouter(prefix="/records", tags=["jsonl"], lifespan=lifespan)


def find_source(
    source: Annotated[str, Path(description="Name of the source.", examples=list(SOURCES))],
) -> RecordSource:
    if source not in SOURCES:
        raise HTTPException(404, f"No source {source!r}; there is {', '.join(SOURCES)}.")
    return SOURCES[source]


def describe_records() -> dict[str, Any]:
    """The 200 of OpenAPI; `model` describes `application/json` and brings the components."""
    records = [source.record for source in SOURCES.values()]
    items = {"anyOf": [{"$ref": f"#/components/schemas/{record.__name__}"} for record in records]}
    return {
        "description": "The records, in the order of their key",
        "model": conlist(reduce(or_, records)),
        "content": {
            JsonLines.media_type: {"itemSchema": items},
            NdJson.media_type: {"itemSchema": items},
            Csv.media_type: {"schema": {"type": "string"}},
        },
    }


@router.get("/{source}", response_class=StreamResponse, responses={200: describe_records()})
async def stream_records(
    source: Annotated[RecordSource, Depends(find_source)],
    encoder: NegotiatedEncoder,
    after: Annotated[
        int | None,
        Query(ge=-(2**63), lt=2**63, description="Cursor: the key of the last record you have."),
    ] = None,
    limit: Annotated[int | None, Query(ge=1, description="Most records to send.")] = None,
) -> StreamResponse:
    """Stream the records of a source in the format that `Accept` asks for."""
    chunks = encode_batches(source.batches(after=after, limit=limit), encoder)
    return StreamResponse(chunks, headers={"Vary": "Accept"}, media_type=encoder.media_type)
