"""The lines of a page of the docs that read from a URL, and what they give."""

import re
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv, json

NAMES = {
    "pd": pd,
    "pl": pl,
    "pa": pa,
    "pq": pq,
    "csv": csv,
    "json": json,
    "duckdb": duckdb,
    "urlopen": urlopen,
    "BytesIO": BytesIO,
}


def lines_of(page: Path) -> tuple[list[str], list[str]]:
    """What works, and what does not."""
    works, fails = page.read_text(encoding="utf-8").split("| why |")
    return [*_code(works)], [*_code(fails)]


def _code(text: str) -> Iterator[str]:
    for row in re.findall(r"^\| (?:pandas|polars|pyarrow|DuckDB) \|.*", text, re.MULTILINE):
        yield from re.findall(r"`(\w+\..*?)`", row)


def read(code: str, url: str, folder: Path) -> list[dict[str, Any]]:
    """The rows that a line gives, with every time as an instant."""

    def saved(url: str) -> str:
        file = folder / "saved"
        subprocess.run(["curl", "--fail", "--silent", "--output", file, url], check=True)
        return str(file)

    frame = eval(code, {**NAMES, "url": url, "saved": saved})  # noqa: S307 - a line of our docs
    return [
        {name: _plain(value) for name, value in row.items()} for row in _table(frame).to_pylist()
    ]


def _table(frame: Any) -> pa.Table:
    return pa.Table.from_pandas(frame) if isinstance(frame, pd.DataFrame) else pa.table(frame)


def _plain(value: Any) -> Any:
    if hasattr(value, "timestamp"):
        return value.timestamp()
    return None if value != value else value  # noqa: PLR0124 - pandas has NaN for NULL
