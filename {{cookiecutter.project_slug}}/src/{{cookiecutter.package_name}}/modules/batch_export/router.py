from typing import Annotated, Any, Literal

from fastapi import Depends, HTTPException, Path, Query

from ...records.batching import encode_batches
from ...records.formats import ArrowStream, Csv, Encoder, JsonLines, Parquet
from ...streaming.responses import StreamResponse
from ...streaming.routing import ProblemRouter
from .source import SOURCES, lifespan
from .tables import TableSource

router = ProblemRouter(prefix="/exports", tags=["batch_export"], lifespan=lifespan)

FormatName = Literal["csv", "jsonl", "parquet", "arrow"]


def find_table(
    source: Annotated[str, Path(description="Name of the table.", examples=list(SOURCES))],
) -> TableSource:
    if source not in SOURCES:
        raise HTTPException(404, f"No source {source!r}; there is {', '.join(SOURCES)}.")
    return SOURCES[source]


def choose_encoder(
    format: Annotated[FormatName, Query(description="Format of the file.")] = "csv",
    end: Annotated[bool, Query(description="End JSON Lines with an end record.")] = False,
) -> Encoder:
    match format:
        case "csv":
            return Csv()
        case "jsonl":
            return JsonLines(end_record=end)
        case "parquet":
            return Parquet()
        case "arrow":
            return ArrowStream()


def describe_export() -> dict[str, Any]:
    binary: dict[str, Any] = {"schema": {}}
    return {
        "description": "The table as a file",
        "content": {
            Csv.media_type: {"schema": {"type": "string"}},
            JsonLines.media_type: {"itemSchema": {"type": "object"}},
            Parquet.media_type: binary,
            ArrowStream.media_type: binary,
        },
    }


@router.get("/{source}", response_class=StreamResponse, responses={200: describe_export()})
async def export_table(
    source: Annotated[str, Path()],
    table: Annotated[TableSource, Depends(find_table)],
    encoder: Annotated[Encoder, Depends(choose_encoder)],
) -> StreamResponse:
    """Export a whole table as one file, written while it is sent."""
    file_name = f"{source}.{encoder.name}"
    return StreamResponse(
        encode_batches(table.batches(), encoder),
        headers={
            "Content-Disposition": f'attachment; filename="{file_name}"',
            **encoder.headers,
        },
        media_type=encoder.media_type,
    )
