"""Batches of records as bytes: one encoder for each format, all behind one interface.

Values have one text form everywhere: docs/records/values.md. What no format can carry, a lone surrogate
or in an object an integer beyond 64 bits, is an error.
"""

from .binary import ArrowStream, Compression, Parquet
from .csv import Csv
from .encoder import Batch, Encoder
from .json import JsonArray, JsonLines, NdJson

__all__ = [
    "ArrowStream",
    "Batch",
    "Compression",
    "Csv",
    "Encoder",
    "JsonArray",
    "JsonLines",
    "NdJson",
    "Parquet",
]
