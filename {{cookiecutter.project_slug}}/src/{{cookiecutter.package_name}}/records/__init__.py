"""What makes bytes of records (docs/records.md)."""

from .batching import encode_batches
from .formats import ArrowStream, Csv, Encoder, JsonArray, JsonLines, NdJson, Parquet
from .responses import (
    ArrowStreamResponse,
    CsvResponse,
    JsonArrayResponse,
    JsonLinesResponse,
    NdJsonResponse,
    ParquetResponse,
    RecordResponse,
)
from .table import Table

__all__ = [
    "ArrowStream",
    "ArrowStreamResponse",
    "Csv",
    "CsvResponse",
    "Encoder",
    "JsonArray",
    "JsonArrayResponse",
    "JsonLines",
    "JsonLinesResponse",
    "NdJson",
    "NdJsonResponse",
    "Parquet",
    "ParquetResponse",
    "RecordResponse",
    "Table",
    "encode_batches",
]
