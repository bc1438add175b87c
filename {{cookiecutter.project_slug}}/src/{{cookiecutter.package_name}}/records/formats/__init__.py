"""Batches of records as bytes: one encoder for each format, all behind one interface.

Values have one text form everywhere:

| value | JSON | CSV |
| --- | --- | --- |
| time with or without a zone | RFC 3339 in UTC, `"2026-01-01T00:00:00Z"`; without one it is UTC | same |
| float that is not finite | `null` | `NaN`, `inf`, `-inf` |
| decimal | text with all its digits, `"0.10"` | the digits |
| bytes | text, hexadecimal | same |
| enum | its value | same |
| nested record, list | object, array | JSON |
| U+2028 and other text | as it is, in UTF-8 | same, guarded against formulas |
| lone surrogate, integer beyond 64 bits | an error: no format can carry it | same |
"""

from .binary import ArrowStream, Parquet
from .csv import Csv
from .encoder import Batch, Encoder
from .json import JsonArray, JsonLines, NdJson

__all__ = [
    "ArrowStream",
    "Batch",
    "Csv",
    "Encoder",
    "JsonArray",
    "JsonLines",
    "NdJson",
    "Parquet",
]
