import json
from typing import Any

import pyarrow as pa

from ...streaming.problems import Problem
from . import columns, lines, objects
from .encoder import Batch, Encoder
from .settings import format_settings


class _Json(Encoder):
    """With `integers_as_text`, integers of 64 bits and Python's are text (RFC 7493, section 2.2):
    JavaScript would round those beyond 2^53. Where it is `None`, a setting says so.
    """

    def __init__(self, *, integers_as_text: bool | None = None) -> None:
        default = format_settings().integers_as_text
        self._integers_as_text = default if integers_as_text is None else integers_as_text

    def prepare(self, batch: Batch) -> Any:
        if not isinstance(batch, pa.RecordBatch):
            return batch
        forms = columns.TEXT_OF_INTEGERS if self._integers_as_text else columns.TEXT
        return columns.convert(batch, forms)

    def write(self, batch: Batch) -> bytes:
        if isinstance(batch, pa.RecordBatch):
            return lines.to_json_lines(batch)
        return objects.to_json_lines(batch, integers_as_text=self._integers_as_text)


class JsonLines(_Json):
    """JSON Lines, UTF-8, `\\n` after each record (jsonlines.org).

    With `end_record` the last line is the end record, so that a reader can tell a complete stream
    from one that was cut off: `{"@end": {"status": "complete", "records": 3}}`, and with `cursor`
    where there is one.
    """

    name = "jsonl"
    media_type = "application/jsonl"

    def __init__(self, *, end_record: bool = False, integers_as_text: bool | None = None) -> None:
        super().__init__(integers_as_text=integers_as_text)
        self.end_record = end_record

    def end(self, records: int) -> bytes:
        return self._end_line({"status": "complete", "records": records})

    def fail(self, records: int, problem: Problem) -> bytes:
        reason = problem.model_dump(exclude_none=True)
        return self._end_line({"status": "error", "records": records, "problem": reason})

    def _end_line(self, end: dict[str, object]) -> bytes:
        if self.cursor:
            end["cursor"] = self.cursor
        return json.dumps({"@end": end}).encode() + b"\n" if self.end_record else b""


class NdJson(JsonLines):
    name = "ndjson"
    media_type = "application/x-ndjson"


class JsonArray(_Json):
    """One JSON array (RFC 8259). Its closing bracket comes last: without it nothing parses."""

    name = "json"
    media_type = "application/json"

    def __init__(self, *, integers_as_text: bool | None = None) -> None:
        super().__init__(integers_as_text=integers_as_text)
        self._separator = b""

    def start(self) -> bytes:
        return b"["

    def write(self, batch: Batch) -> bytes:
        if not len(batch):
            return b""
        records = super().write(batch).rstrip(b"\n").replace(b"\n", b",\n")
        array = self._separator + records
        self._separator = b",\n"
        return array

    def end(self, records: int) -> bytes:
        return b"]\n"
