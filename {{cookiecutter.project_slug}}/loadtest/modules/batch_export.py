from io import BytesIO

from pyarrow import ArrowInvalid, parquet

from loadtest.lines import read_lines
from loadtest.stream import Cut, Stream
from loadtest.streaming import StreamUser

# A table, with which filter, and how many rows that are.
TABLE, FILTER, ROWS = "readings", "id_before=20001", 20_000


class Exporter(StreamUser):
    """Exports many rows, as JSON Lines and as Parquet."""

    share = 0.4
    pause_seconds = 0.25

    def visit(self) -> None:
        name = ("jsonl&end=true", "parquet")[self.visits % 2]
        path = f"/exports/{TABLE}?{FILTER}&format={name}"
        with self.stream(path, kind=name) as stream:
            rows = read_lines(stream) if "end" in name else read_parquet(stream)
            self.expect(ROWS, rows)


def read_parquet(stream: Stream) -> int:
    """How many rows can be read. Raises `Cut` where the file is not whole."""
    file = BytesIO(b"".join(stream))
    try:
        return parquet.read_table(file, use_threads=False).num_rows
    except ArrowInvalid as error:
        raise Cut(str(error)) from error
