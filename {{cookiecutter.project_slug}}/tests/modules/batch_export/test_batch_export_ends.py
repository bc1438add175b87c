"""Each cause of a broken export, in each format: no client can take it for a whole one.

Through a proxy that speaks HTTP/1.0 to the service, as nginx does by default, a broken response is
a whole one: there it is the file that has to tell. CSV cannot, which is why it is made a job.
"""

import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.modules.batch_export.jobs import Jobs
from tests.records import postgres
from tests.streaming.fixtures import Serve, Server

pytestmark = pytest.mark.slow

APP = "tests.modules.batch_export.ends_service:app"
OLD_HOP = "HTTP/1.0, buffering off"
ARROW_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
# Far more than fits into the buffers of two connections, compressed or not.
MAKE_TABLE = """
    CREATE TABLE wide AS
    SELECT n AS id, (SELECT string_agg(md5(random()::text || n || k), '')
        FROM generate_series(1, 12) AS k) AS text
    FROM generate_series(1, 120000) AS n
"""


def ends_json_lines(body: bytes) -> bool:
    with suppress(ValueError):
        last = json.loads(body.rstrip(b"\n").rpartition(b"\n")[2])
        return last.get("@end", {}).get("status") == "complete"
    return False


def ends_parquet(body: bytes) -> bool:
    with suppress(pa.ArrowInvalid):
        return pq.ParquetFile(io.BytesIO(body)).metadata.num_rows > 0
    return False


ENDS: dict[str, Callable[[bytes], bool]] = {
    "jsonl&end=true": ends_json_lines,
    "parquet": ends_parquet,
    "arrow": lambda body: body.endswith(ARROW_END),
}
FORMATS = ["csv", *ENDS]


class Answer(NamedTuple):
    format: str
    way: str
    status: int
    body: bytes
    is_aborted: bool

    @property
    def is_taken_for_whole(self) -> bool:
        has_end = self.format not in ENDS or ENDS[self.format](self.body)
        return self.status == 200 and has_end and not self.is_aborted


def read_rest(response: httpx2.Response, chunks: Iterator[bytes], begin: bytes) -> tuple[Any, ...]:
    body = [begin]
    try:
        body += chunks
    except httpx2.TransportError:
        return response.status_code, b"".join(body), True
    return response.status_code, b"".join(body), False


@pytest.fixture(scope="module")
def database(require) -> Iterator[postgres.Database]:
    with postgres.required_database(require) as database:
        database.fetch(MAKE_TABLE)
        # It is so small that each query begins with its first row.
        database.fetch("CREATE TABLE transformed AS SELECT generate_series(1, 60000) AS id")
        yield database


@pytest.fixture(scope="module")
def start(serve: Serve, database) -> Callable[..., Any]:
    settings = {
        "DATABASE_URL": database.url,
        "TABLES": '{"wide": "id", "transformed": "id"}',
        "BATCH_EXPORT_BATCH_ROWS": "1000",
        "STREAMING_SHUTDOWN_GRACE_SECONDS": "1",
        "DEMO_ROWS": "1000",
    }
    return lambda: serve(APP, **settings)


@pytest.fixture(scope="module")
def served(start) -> Iterator[Server]:
    with start() as server:
        yield server


@pytest.fixture
def export(start_nginx) -> Callable[..., list[Answer]]:
    """Begin an export in each format and on each way, let something happen, and read the rest."""

    def export_all(server: Server, name: str, happen: Callable[[], object] = str) -> list[Answer]:
        ways = {"direct": server.url, "hop": start_nginx(server.url)[OLD_HOP]}
        cases = [(format, way) for format in FORMATS for way in ways]
        with ExitStack() as stack:
            client = stack.enter_context(httpx2.Client(timeout=60))
            client.headers["Accept-Encoding"] = "identity"
            threads = stack.enter_context(ThreadPoolExecutor(len(cases)))
            opened = []
            for format, way in cases:
                url = f"{ways[way]}/exports/{name}?format={format}"
                response = stack.enter_context(client.stream("GET", url))
                chunks = response.iter_raw()
                opened.append((response, chunks, next(chunks)))
            happen()
            rests = threads.map(read_rest, *zip(*opened, strict=True))
            return [Answer(*case, *rest) for case, rest in zip(cases, rests, strict=True)]

    return export_all


def test_a_whole_export_is_taken_for_one(export, served):
    answers = export(served, "wide")
    assert [answer[:2] for answer in answers if not answer.is_taken_for_whole] == []


def check_broken(answers: list[Answer]) -> None:
    """Only CSV can be taken for whole, and only behind the hop."""
    taken = {(answer.format, answer.way) for answer in answers if answer.is_taken_for_whole}
    assert taken <= {("csv", "hop")}
    assert ("csv", 200) in {(answer.format, answer.status) for answer in answers}


@pytest.mark.parametrize("cause", ["fails", "dies", "transformed"])
def test_a_source_or_a_transform_that_fails(http, export, served, cause):
    check_broken(export(served, cause))
    jobs = Jobs(http, served.url)
    assert jobs.wait(jobs.start(cause, format="csv"), "failed")["segments"] == []


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_a_process_that_ends(export, start, end):
    with start() as server:
        check_broken(export(server, "wide", getattr(server.process, end)))


def test_a_database_that_is_gone(export, served, database):
    check_broken(export(served, "wide", database.stop))
    database.start()
