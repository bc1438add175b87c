"""Every format, from single records, from lists of them and from Arrow."""

from .comparison import Group, Metric, Peer, Ratio, Sample
from .downloads import download
from .servers import uvicorn
from .workplace import Workplace

RECORDS = Metric("records/s")
OBJECTS = 200_000
FORMATS = ("JsonLines", "JsonArray", "Csv", "Parquet", "ArrowStream")
SHAPES = {
    "single": "a model per yield",
    "blocking": "a model per yield, sync",
    "lists": "lists of models",
    "arrow": "Arrow batches",
}
PEERS = "benchmarks.peers.jsonl:app"
SERVICE = "benchmarks.peers.jsonl_service:app"
JSON_DUMPS = "json.dumps, async generator"
CSV_WRITER = "csv.writer, 1,000 rows at once"


def group(workplace: Workplace) -> Group:
    count = workplace.scaled(OBJECTS)

    def peer(name: str, app: str, path: str) -> Peer:
        return Peer(name, lambda: measure_records(workplace, app, path, count))

    def name(format: str, shape: str) -> str:
        return f"{format}, {SHAPES[shape]}"

    return Group(
        "Records in every format",
        f"{count:,} records of id (int), sensor (str), value (float) and recorded_at (datetime), "
        "made beforehand.",
        (RECORDS,),
        (
            peer(JSON_DUMPS, PEERS, "/naive-async"),
            peer(CSV_WRITER, PEERS, "/naive-csv"),
            *(
                peer(name(format, shape), SERVICE, f"/bench/formats/{format}/{shape}")
                for format in FORMATS
                for shape in SHAPES
            ),
        ),
        (
            Ratio(RECORDS, name("JsonLines", "single"), JSON_DUMPS, 1),
            Ratio(RECORDS, name("Csv", "single"), CSV_WRITER, 1),
            *(
                Ratio(RECORDS, name(format, shape), name(format, "lists"), 0.5)
                for format in FORMATS
                for shape in SHAPES
                if shape != "lists"
            ),
        ),
    )


def measure_records(workplace: Workplace, app: str, path: str, records: int) -> Sample:
    with uvicorn(app, workplace.settings) as server:
        download(server, f"{path}?records=100")  # what a first request alone pays for
        whole = download(server, f"{path}?records={records}")
    return {RECORDS: records / whole.seconds}
