"""Exports of a whole table, against a naive one and against the database itself."""

from .comparison import Group, Ratio
from .export_jobs import job_group
from .workplace import FIRST_BYTE, MEMORY, ROWS, Workplace

NAIVE = "naive CSV: fetchmany, csv.writer"
FORMATS = {"csv": "FORMAT csv", "jsonl": "FORMAT json", "parquet": "FORMAT parquet, CODEC zstd"}


def groups(workplace: Workplace) -> list[Group]:
    workplace.make_table()
    peers = [workplace.rows_peer(NAIVE, "benchmarks.peers.exports:app", "/readings.csv")]
    for format, options in FORMATS.items():
        path = f"/exports/readings?format={format}"
        peers.append(workplace.rows_peer(f"service, {format}", "my_service.main:app", path))
        peers.append(workplace.copy_peer(f"DuckDB, COPY {format} to a file", options))
    return [
        Group(
            "Export of a table",
            f"{workplace.rows:,} readings of 6 columns, from DuckDB.",
            (ROWS, FIRST_BYTE, MEMORY),
            tuple(peers),
            (
                Ratio(ROWS, "service, csv", NAIVE, 15),
                Ratio(ROWS, "service, csv", "DuckDB, COPY csv to a file", 0.7),
                Ratio(ROWS, "service, jsonl", "DuckDB, COPY jsonl to a file"),
                Ratio(ROWS, "service, parquet", "DuckDB, COPY parquet to a file"),
            ),
        ),
        job_group(workplace, FORMATS),
    ]
