from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request

from ...records import tables
from ...records.batching import encode_batches
from ...records.exports import read_all
from ...records.filters import asked, parse
from ...records.formats import ArrowStream, Csv, Encoder, JsonLines, Parquet
from ...records.names import attachment
from ...records.openapi import add_paths
from ...streaming.responses import StreamResponse
from ...streaming.routing import ProblemRouter
from .descriptions import describe
from .parameters import Parameters, table_parameters
from .settings import batch_export_settings
from .source import SOURCES, lifespan


@asynccontextmanager
async def run(app: FastAPI) -> AsyncGenerator[None, None]:
    add_paths(app, describe)
    async with tables.lifespan(app), lifespan(app):
        yield


router = ProblemRouter(prefix="/exports", tags=["batch_export"], lifespan=run)


@router.get("/{source:path}", response_class=StreamResponse, include_in_schema=False)
async def export_table(request: Request, source: Annotated[str, Path()]) -> StreamResponse:
    """Export a whole table as one file, written while it is sent."""
    parameters, rows = await choose(source, request)
    encoder = encoder_of(parameters)
    return StreamResponse(
        encode_batches(rows, encoder),
        headers={
            "Content-Disposition": attachment(f"{source}.{encoder.name}"),
            **encoder.headers,
        },
        media_type=encoder.media_type,
    )


async def choose(name: str, request: Request) -> tuple[Parameters, Any]:
    """What is asked for, and its rows. Raises a 404, a 422, and `DatabaseUnavailable`."""
    if name in SOURCES:
        return parse(Parameters, request.query_params), SOURCES[name].batches()
    table = tables.find_table(name, SOURCES)
    model, conditions = table_parameters(table, await table.describe())
    parameters = parse(model, request.query_params)
    settings = batch_export_settings()
    rows = read_all(
        table,
        parameters.columns,
        asked(parameters, conditions),
        batch_rows=settings.batch_rows,
        snapshot_seconds=settings.snapshot_seconds,
    )
    return parameters, rows


def encoder_of(parameters: Parameters) -> Encoder:
    match parameters.format:
        case "csv":
            return Csv()
        case "jsonl":
            return JsonLines(end_record=parameters.end)
        case "parquet":
            return Parquet()
        case "arrow":
            return ArrowStream()
