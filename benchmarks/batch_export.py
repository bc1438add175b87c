"""Exports of a whole table, against a naive one and against the database itself."""

from dataclasses import replace

from .comparison import Group, Ratio
from .export_jobs import job_group
from .postgresql import PostgreSql
from .workplace import FIRST_BYTE, MEMORY, ROWS, SIZE, Workplace

APP = "my_service.main:app"
NAIVE = "naive CSV: fetchmany, csv.writer"
FORMATS = {"csv": "FORMAT csv", "jsonl": "FORMAT json", "parquet": "FORMAT parquet, CODEC zstd"}
TABLE_ROWS = 3_000_000
PSQL = "psql, \\copy to a file"


def groups(workplace: Workplace) -> list[Group]:
    workplace.make_table()
    large = replace(workplace, table_rows=TABLE_ROWS)
    large.make_table()
    return [duckdb(large), postgresql(workplace), job_group(workplace, FORMATS)]


def duckdb(workplace: Workplace) -> Group:
    """DuckDB's COPY knows no Arrow: that is compared with Parquet, which has the same types."""

    def service(format: str) -> str:
        return f"service, {format}"

    def copy(format: str) -> str:
        return f"DuckDB, COPY {format} to a file"

    return Group(
        "Export of a table",
        f"{workplace.rows:,} readings of 6 columns, from DuckDB.",
        (ROWS, FIRST_BYTE, MEMORY, SIZE),
        (
            workplace.rows_peer(NAIVE, "benchmarks.peers.exports:app", "/readings.csv"),
            *(
                workplace.rows_peer(service(format), APP, f"/exports/readings?format={format}")
                for format in (*FORMATS, "arrow")
            ),
            *(workplace.copy_peer(copy(format), options) for format, options in FORMATS.items()),
        ),
        (
            Ratio(ROWS, service("csv"), NAIVE, 15),
            Ratio(ROWS, service("csv"), copy("csv"), 0.8),
            Ratio(ROWS, service("jsonl"), copy("jsonl"), 1.1),
            Ratio(ROWS, service("parquet"), copy("parquet"), 0.7),
            Ratio(ROWS, service("arrow"), copy("parquet"), 1),
            Ratio(SIZE, service("parquet"), copy("parquet"), 1 / 1.05),
        ),
    )


def postgresql(workplace: Workplace) -> Group:
    """With the formula guard, which is the default, CSV is made from Arrow."""
    server, formats = PostgreSql(workplace), (*FORMATS, "arrow")
    return Group(
        "Export of a table of PostgreSQL",
        f"{workplace.rows:,} readings of 6 columns.",
        (ROWS, FIRST_BYTE, MEMORY),
        (
            *(
                server.rows_peer(f"service, {format}", f"/exports/readings?format={format}")
                for format in formats
            ),
            server.copy_peer(PSQL),
        ),
        (
            Ratio(ROWS, "service, csv", PSQL, 0.6),
            *(Ratio(ROWS, f"service, {format}", PSQL) for format in formats[1:]),
        ),
    )
