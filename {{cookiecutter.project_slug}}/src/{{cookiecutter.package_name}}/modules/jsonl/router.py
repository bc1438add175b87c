from typing import Annotated

from fastapi import HTTPException, Path, Query, Request, Response

from ...records.batching import encode_batches
from ...records.formats import Encoder
from ...streaming.responses import StreamResponse
from ...streaming.routing import ProblemRouter
from .cursors import Cursors
from .descriptions import describe_records
from .encoding import RecordEncoder
from .following import follow, read
from .locales import LocalizedCsv
from .negotiation import negotiate
from .parameters import Parameters, parameters_of, record_query
from .record_source import RecordSource
from .source import SOURCES, lifespan

router = ProblemRouter(prefix="/records", tags=["jsonl"], lifespan=lifespan)


def add_source(name: str, source: RecordSource) -> None:
    """Add `/records/{name}`, with the fields and the filters of the source in OpenAPI."""
    cursors = Cursors(name, source.record.model_fields[source.key].annotation)
    parameters_type = parameters_of(name, source, cursors)

    @router.get(
        f"/{name}",
        operation_id=f"stream_{name}",
        response_class=StreamResponse,
        responses={200: describe_records(source)},
    )
    async def stream_records(
        request: Request,
        parameters: Annotated[parameters_type, Query()],  # ty: ignore[invalid-type-form]
    ) -> Response:
        """Stream records in the format that `Accept` or `?format=` asks for."""
        encoder = negotiate(request, parameters, source.headings)
        headers = response_headers(name, encoder, parameters)
        query = record_query(source, parameters)
        batches = follow(source, query) if parameters.follow else read(source, query)
        chunks = encode_batches(batches, RecordEncoder(encoder, parameters, source.key, cursors))
        return StreamResponse(chunks, headers=headers, media_type=encoder.media_type)


def response_headers(name: str, encoder: Encoder, parameters: Parameters) -> dict[str, str]:
    headers = {"Vary": "Accept", "X-Content-Type-Options": "nosniff", **encoder.headers}
    if isinstance(encoder, LocalizedCsv):
        headers["Content-Language"] = str(encoder.locale).replace("_", "-")
    if parameters.download:
        headers["Content-Disposition"] = f'attachment; filename="{name}.{encoder.name}"'
    return headers


for name, source in SOURCES.items():
    add_source(name, source)


@router.get("/{source}", include_in_schema=False)
async def refuse_unknown_source(source: Annotated[str, Path()]) -> None:
    raise HTTPException(404, f"No source {source!r}; there is {', '.join(SOURCES)}.")
