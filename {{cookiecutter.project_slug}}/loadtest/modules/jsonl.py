from datetime import UTC, datetime, timedelta
from json import loads
from time import time
from urllib.parse import quote

from loadtest.lines import read_lines
from loadtest.stream import Cut, Stream
from loadtest.streaming import StreamUser

# A table, with at least so many records.
TABLE = "readings"
MANY, FEW = 10_000, 100
EVERY_SECONDS = 2.0  # between records of a stream that is followed: DEMO_PERIOD, JSONL_FOLLOW


class RecordReader(StreamUser):
    """Reads pages, and now and then many records."""

    share = 0.2
    pause_seconds = 0.1

    def visit(self) -> None:
        limit = FEW if self.visits % 8 else MANY
        with self.stream(f"/records/{TABLE}?limit={limit}&end=true", kind=f"{limit}") as stream:
            self.expect(limit, read_lines(stream))


class RecordFollower(StreamUser):
    """Follows the records that are recorded now, each due when it is recorded."""

    share = 0.25
    disturbs = joins_later = False
    endless = True

    def visit(self) -> None:
        since = quote((datetime.now(UTC) - timedelta(seconds=EVERY_SECONDS)).isoformat())
        path = f"/records/{TABLE}?follow=true&end=true&recorded_at_from={since}"
        with self.stream(path) as stream:
            stream.every = EVERY_SECONDS
            self.follow(stream, time())

    def follow(self, stream: Stream, asked: float) -> None:
        rest, next_id = b"", None
        for piece in stream:
            *lines, rest = (rest + piece).split(b"\n")
            for record in (loads(line) for line in lines if line):
                number = record["id"]
                self.count_records(1, missing=number - (next_id or number))
                next_id = number + 1
                due = datetime.fromisoformat(record["recorded_at"]).timestamp()
                if due > asked:
                    self.deliver(due, time())
        raise Cut("what is followed has no end")
