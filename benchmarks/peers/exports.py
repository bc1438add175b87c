"""A CSV export as people write it without the template."""

import csv
import io
import os
from collections.abc import Iterator
from typing import Any

import duckdb
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

ROWS_AT_ONCE = 1_000

app = FastAPI()
connection = duckdb.connect(os.environ["READINGS_DATABASE"], read_only=True)


@app.get("/readings.csv")
def export_readings() -> StreamingResponse:
    return StreamingResponse(write_readings(), media_type="text/csv")


def write_readings() -> Iterator[str]:
    result = connection.cursor().execute("SELECT * FROM readings")
    yield csv_text([[column[0] for column in result.description]])
    while rows := result.fetchmany(ROWS_AT_ONCE):
        yield csv_text(rows)


def csv_text(rows: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
