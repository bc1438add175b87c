"""What streams did: Prometheus metrics at `/metrics`, and a line of JSON in the log for each."""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from typing import Annotated, Literal

from anyio.to_thread import run_sync
from fastapi import Header, Response
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from pythonjsonlogger.json import JsonFormatter
from starlette.types import Scope

from .pools import METRICS
from .routing import ProblemRouter

End = Literal["complete", "client_left", "error", "too_slow", "shutdown"]

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600)

OPEN = Gauge(
    "streaming_streams_open", "Streams that are open.", ["module"], multiprocess_mode="livesum"
)
STREAMS = Counter("streaming_streams", "Streams that have ended, and how.", ["module", "end"])
BYTES = Counter("streaming_bytes", "Bytes of streams, before compression.", ["module"])
RECORDS = Counter("streaming_records", "Records and events of streams.", ["module"])
FIRST_BYTE = Histogram(
    "streaming_first_byte_seconds",
    "Time from the request to the first byte of the stream.",
    ["module"],
    buckets=SECONDS,
)
DURATION = Histogram(
    "streaming_duration_seconds", "Time that streams were open.", ["module"], buckets=SECONDS
)
TASKS_FAILING = Gauge(
    "streaming_tasks_failing",
    "Background tasks that are failing.",
    ["task"],
    multiprocess_mode="livesum",
)
TASK_FAILURES = Counter("streaming_task_failures", "Failures of background tasks.", ["task"])

# Where several processes keep their figures together; `prometheus_client` reads it as well.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

logger = logging.getLogger(__name__)


def log_streams() -> None:
    """Write a line of JSON to the standard output for each stream that ends."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(message)s"))
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class StreamFigures:
    """The figures of one stream; those of a response with an error status are not kept."""

    def __init__(self, scope: Scope) -> None:
        self._method, self._path = scope["method"], scope["path"]
        self._module = next(iter(getattr(scope.get("route"), "tags", ())), "other")
        self._asked = perf_counter()
        self._first_byte: float | None = None
        self._status: int | None = None
        self._bytes = 0
        self._records = 0
        self._records_told = 0
        self._bytes_of_module = BYTES.labels(self._module)
        self._records_of_module = RECORDS.labels(self._module)

    def open(self, status: int) -> None:
        if status < HTTPStatus.BAD_REQUEST:
            self._status = status
            OPEN.labels(self._module).inc()

    def count_records(self, count: int) -> None:
        self._records += count

    def count_bytes(self, count: int) -> None:
        if count and self._first_byte is None:
            self._first_byte = perf_counter() - self._asked
            FIRST_BYTE.labels(self._module).observe(self._first_byte)
        self._bytes += count
        self._bytes_of_module.inc(count)
        self._records_of_module.inc(self._records - self._records_told)
        self._records_told = self._records

    def add_shared(self, count: int, records: int) -> None:
        """Add bytes and records of which `count_shared` has told already."""
        self._bytes += count
        self._records += records
        self._records_told += records

    def close(self, end: End) -> None:
        if self._status is None:
            return
        seconds = perf_counter() - self._asked
        OPEN.labels(self._module).dec()
        STREAMS.labels(self._module, end).inc()
        DURATION.labels(self._module).observe(seconds)
        # The query is left out: it may hold what is nobody's business.
        figures = {
            "message": f"stream {end}",
            "module": self._module,
            "method": self._method,
            "path": self._path,
            "status": self._status,
            "end": end,
            "bytes": self._bytes,
            "records": self._records,
            "first_byte_seconds": self._first_byte and round(self._first_byte, 6),
            "seconds": round(seconds, 6),
        }
        logger.info(figures)


def count_shared(module: str, count: int, records: int) -> None:
    """Count bytes and records that were written to many streams at once."""
    BYTES.labels(module).inc(count)
    RECORDS.labels(module).inc(records)


def forget_dead_processes() -> None:
    """What was killed has no open streams any more, but could not say so."""
    for file in Path(os.environ[SHARED_FOLDER]).glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        # It is somebody else's process, or another one of ours was faster.
        with suppress(PermissionError, FileNotFoundError):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                mark_process_dead(pid)


router = ProblemRouter(tags=["metrics"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def read_metrics(accept: Annotated[str, Header()] = "") -> Response:
    """The figures of all streams of the service, in the format of Prometheus."""
    encode, content_type = choose_encoder(accept)
    figures = await run_sync(_figures, encode, limiter=METRICS)
    return Response(figures, headers={"Cache-Control": "no-store"}, media_type=content_type)


def _figures(encode: Callable[[CollectorRegistry], bytes]) -> bytes:
    registry = REGISTRY
    if SHARED_FOLDER in os.environ:
        if os.name == "posix":  # elsewhere, signal 0 is no question
            forget_dead_processes()
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return encode(registry)
