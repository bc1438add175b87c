"""What makes bytes of records (docs/records.md)."""

from .batching import encode_batches
from .database import Query, keyset_batches, query_batches, table_batches
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
    "Query",
    "RecordResponse",
    "encode_batches",
    "keyset_batches",
    "query_batches",
    "table_batches",
]
