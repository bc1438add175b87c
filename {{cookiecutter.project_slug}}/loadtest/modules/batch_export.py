from io import BytesIO

from pyarrow import ArrowInvalid
from pyarrow.parquet import ParquetFile

from loadtest.lines import read_lines
from loadtest.stream import Cut, Stream
from loadtest.streaming import StreamUser

# A table, and the filter that makes it as many rows as are asked for.
TABLE, FILTER = "readings", "id_before={}"
FEW, MANY = 1_000, 10_000


class Exporter(StreamUser):
    """Exports tables, as JSON Lines and as Parquet; now and then one with many rows."""

    share = 0.2
    pause_seconds = 0.1

    def visit(self) -> None:
        name, read = FORMATS[self.visits % len(FORMATS)]
        rows = FEW if self.visits % 9 else MANY
        path = f"/exports/{TABLE}?{FILTER.format(rows + 1)}&format={name}"
        with self.stream(path, kind=f"{name} {rows}") as stream:
            self.expect(rows, read(stream))


def read_parquet(stream: Stream) -> int:
    """How many rows can be read. Raises `Cut` where the file is not whole."""
    file = BytesIO(b"".join(stream))
    try:
        return ParquetFile(file).read(use_threads=False).num_rows
    except ArrowInvalid as error:
        raise Cut(str(error)) from error


FORMATS = (("jsonl&end=true", read_lines), ("parquet", read_parquet))
