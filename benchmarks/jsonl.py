"""JSON Lines: from objects, from the database, and line by line from a slow producer."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from json import loads
from statistics import median

from . import formats
from .comparison import Failed, Group, Limit, Metric, Peer, Ratio, Sample
from .downloads import MIB, count_lines, download
from .postgresql import PostgreSql
from .servers import Server, uvicorn
from .workplace import FIRST_BYTE, MEMORY, ROWS, Workplace

RECORDS = Metric("records/s")
MEDIAN_LATENCY = Metric("median line, ms", 1, less_is_better=True)
WORST_LATENCY = Metric("slowest line, ms", 1, less_is_better=True)

OBJECTS = 300_000
# A generator that a thread runs takes forty seconds for all of them.
OBJECTS_OF_A_SYNC_GENERATOR = OBJECTS // 30
SLOW_LINES = 10
FIRST_BYTES, FIRST_BYTES_RECORDS = 20, 1_000
LARGE_TABLE_ROWS = 10_000_000

APP = "my_service.main:app"
PEERS = "benchmarks.peers.jsonl:app"
SERVICE = "benchmarks.peers.jsonl_service:app"

OWN = "FastAPI, yield of a model"
MODELS = "service, a model per yield"
YIELD = "service, a response class"
YIELD_BLOCKING = "service, a response class and a sync generator"
STRUCTS = "service, lists of structs"
ARROW = "service, Arrow batches"
RECORDS_ROUTE = "service, /records/readings"
DECLARED = "service, with a key that needs no proof"
COPY = "DuckDB, COPY of the same query to a file"
PSQL = "psql, \\copy to a file"


def groups(workplace: Workplace) -> list[Group]:
    return [
        objects(workplace),
        formats.group(workplace),
        database(workplace),
        postgresql(workplace),
        first_record(workplace),
        slow_producer(workplace),
    ]


def objects(workplace: Workplace) -> Group:
    count = workplace.scaled(OBJECTS)
    few = workplace.scaled(OBJECTS_OF_A_SYNC_GENERATOR)

    def peer(name: str, app: str, path: str, records: int = count) -> Peer:
        return Peer(name, lambda: measure_records(workplace, app, path, records))

    return Group(
        "JSON Lines from objects",
        f"{count:,} records of id (int), sensor (str), value (float) and recorded_at (datetime), "
        f"made beforehand; the sync generator sends {few:,} of them, as it would take too long. "
        f"The first byte is the median of {FIRST_BYTES} smaller requests.",
        (RECORDS, FIRST_BYTE, MEMORY),
        (
            peer("naive, sync generator", PEERS, "/naive-sync", few),
            peer("naive, async generator", PEERS, "/naive-async"),
            peer(OWN, PEERS, "/yield"),
            peer(MODELS, SERVICE, "/bench/models"),
            peer(YIELD, SERVICE, "/bench/yield"),
            peer(YIELD_BLOCKING, SERVICE, "/bench/yield-blocking"),
            peer(STRUCTS, SERVICE, "/bench/structs"),
            peer(ARROW, SERVICE, "/bench/arrow"),
        ),
        (
            Ratio(RECORDS, MODELS, OWN, 6),
            Ratio(RECORDS, YIELD, OWN, 6),
            Ratio(RECORDS, YIELD, MODELS, 0.8),
            Ratio(RECORDS, YIELD_BLOCKING, MODELS, 0.5),
            Ratio(RECORDS, STRUCTS, OWN, 30),
            Ratio(RECORDS, ARROW, OWN, 30),
            Ratio(RECORDS, MODELS, "naive, async generator"),
            Ratio(FIRST_BYTE, MODELS, OWN, 1),
            Ratio(FIRST_BYTE, ARROW, OWN, 1),
        ),
    )


def measure_records(workplace: Workplace, app: str, path: str, records: int) -> Sample:
    with uvicorn(app, workplace.settings) as server:
        lines = count_lines(server, f"{path}?records=100")
        if lines != 100:  # noqa: PLR2004
            raise Failed(f"sent {lines} lines for 100 records")
        # One answer's first byte is a millisecond or two, and says little.
        small = [
            download(server, f"{path}?records={FIRST_BYTES_RECORDS}") for _ in range(FIRST_BYTES)
        ]
        whole = download(server, f"{path}?records={records}")
    return {
        RECORDS: records / whole.seconds,
        FIRST_BYTE: median(answer.first_byte_seconds for answer in small) * 1000,
        MEMORY: whole.memory_growth / MIB,
    }


def database(workplace: Workplace) -> Group:
    workplace.make_table()
    return Group(
        "JSON Lines from the database",
        f"{workplace.rows:,} readings of 6 columns, in the order of their key.",
        (ROWS, FIRST_BYTE, MEMORY),
        (
            workplace.rows_peer(RECORDS_ROUTE, APP, f"/records/readings?limit={workplace.rows}"),
            workplace.rows_peer(DECLARED, APP, f"/records/declared?limit={workplace.rows}"),
            workplace.copy_peer(COPY, "FORMAT json", "FROM readings ORDER BY id"),
        ),
        (Ratio(ROWS, RECORDS_ROUTE, COPY, 0.9), Ratio(ROWS, RECORDS_ROUTE, DECLARED, 0.95)),
    )


def postgresql(workplace: Workplace) -> Group:
    server = PostgreSql(workplace)
    return Group(
        "JSON Lines from PostgreSQL",
        f"The same {workplace.rows:,} readings, in the order of their key.",
        (ROWS, FIRST_BYTE, MEMORY),
        (
            server.rows_peer(RECORDS_ROUTE, f"/records/readings?limit={workplace.rows}"),
            server.copy_peer(PSQL),
        ),
        (Ratio(ROWS, RECORDS_ROUTE, PSQL, 0.5),),
    )


def first_record(workplace: Workplace) -> Group:
    """A keyset page must not cost more where the table is larger."""
    large = replace(workplace, table_rows=LARGE_TABLE_ROWS)
    large.make_table()

    def peer(name: str, query: str) -> Peer:
        return Peer(name, lambda: measure_first_record(large, f"/records/readings?{query}"))

    names = {"service, from the beginning": "end=true", "service, a filter": "site=Lyon"}
    return Group(
        "First record of a large table",
        f"{large.rows:,} readings; the median of {FIRST_BYTES} requests for 1,000 records each.",
        (FIRST_BYTE,),
        tuple(peer(name, f"{query}&limit=1000") for name, query in names.items()),
        limits=tuple(Limit(FIRST_BYTE, name, 20) for name in names),
    )


def measure_first_record(workplace: Workplace, path: str) -> Sample:
    with uvicorn(APP, workplace.settings) as server:
        download(server, path)  # what a first request alone pays for
        answers = [download(server, path) for _ in range(FIRST_BYTES)]
    return {FIRST_BYTE: median(answer.first_byte_seconds for answer in answers) * 1000}


def slow_producer(workplace: Workplace) -> Group:
    """A compressed line must reach the client when it is made, not when a buffer is full."""

    def peer(name: str, app: str, path: str, coding: str) -> Peer:
        return Peer(name, lambda: measure_latency(workplace, app, path, coding))

    codings = {coding: f"service, {coding}" for coding in ("identity", "gzip", "br", "zstd")}
    return Group(
        "JSON Lines from a slow producer",
        f"A record each 200 ms, {SLOW_LINES} of them: from its making until curl has decoded it.",
        (MEDIAN_LATENCY, WORST_LATENCY),
        (
            peer("FastAPI, identity", PEERS, "/slow", "identity"),
            *(peer(name, SERVICE, "/bench/slow", coding) for coding, name in codings.items()),
        ),
        limits=tuple(Limit(WORST_LATENCY, name, 50) for name in codings.values()),
    )


def measure_latency(workplace: Workplace, app: str, path: str, coding: str) -> Sample:
    with uvicorn(app, workplace.settings) as server:
        latencies = read_slowly(server, f"{path}?records={SLOW_LINES}", coding)
    return {
        MEDIAN_LATENCY: median(latencies) * 1000,
        WORST_LATENCY: max(latencies) * 1000,
    }


def read_slowly(server: Server, path: str, coding: str) -> list[float]:
    """Seconds from the time that each record names to its arrival."""
    command = ["curl", "--silent", "--fail", "--no-buffer", "--include"]
    accept = ["--compressed", "--header", f"Accept-Encoding: {coding}"]
    latencies, answered = [], "identity"
    with subprocess.Popen(
        [*command, *accept, server.url(path)], stdout=subprocess.PIPE, encoding="utf-8"
    ) as curl:
        for line in curl.stdout or ():
            if line.startswith("{"):
                made = datetime.fromisoformat(loads(line)["recorded_at"])
                latencies.append((datetime.now(UTC) - made).total_seconds())
            elif line.lower().startswith("content-encoding:"):
                answered = line.partition(":")[2].strip()
    if curl.returncode:
        raise Failed(f"curl ended with {curl.returncode}")
    if answered != coding:
        raise Failed(f"asked for {coding}, answered with {answered}")
    if len(latencies) != SLOW_LINES:
        raise Failed(f"sent {len(latencies)} of {SLOW_LINES} lines")
    return latencies
