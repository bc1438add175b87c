"""Functions between a table and its format: in threads of the service, and in processes."""

import csv
import hmac
import io
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import httpx2
import pyarrow as pa
import pytest

from {{ cookiecutter.package_name }}.modules.batch_export import (
    processes,
)

from tests.modules.batch_export import transforms
from tests.modules.batch_export.jobs import Jobs
from tests.modules.batch_export.test_batch_export import read_parquet
from tests.streaming import waiting

APP = "tests.modules.batch_export.transforms_service:app"
PAGE = Path(__file__).parents[3] / "docs" / "modules" / "batch_export.md"
ROWS = 60_000
KEY = "a key"
# Batches of a megabyte, in the buffers of the kernel and made ahead.
MOST_AHEAD = 30
wait_until = partial(waiting.wait_until, seconds=20)


class Service(NamedTuple):
    url: str
    calls: Path
    processes: int

    def export(self, http: httpx2.Client, path: str) -> httpx2.Response:
        # After a 500 the server closes the connection, but does not say so.
        headers = {"Connection": "close"}
        return http.get(f"{self.url}/exports/{path}", headers=headers, timeout=60)


PROCESSES = [0, pytest.param(2, marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=PROCESSES, ids="{} processes".format)
def service(request, serve_own, tmp_path_factory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("transforms")
    settings = {
        "BATCH_EXPORT_TRANSFORM_PROCESSES": str(request.param),
        "BATCH_EXPORT_STORAGE_URL": folder.as_uri(),
        "BATCH_EXPORT_BATCH_ROWS": "1000",
        "CALLS": str(folder / "calls"),
        "PSEUDONYM_KEY": KEY,
    }
    with serve_own(app=APP, **settings) as server:
        yield Service(server.url, folder / "calls", request.param)


def test_the_docs_show_a_transform_that_works(http, service):
    code = Path(transforms.__file__).read_text(encoding="utf-8").partition("\n\n")[2]
    assert f"```python\n{code}```" in PAGE.read_text(encoding="utf-8")
    response = service.export(http, "readings?id_from=10&id_before=12")
    rows = [*csv.DictReader(io.StringIO(response.text))]
    assert [*rows[0]] == ["id", "sensor", "site", "recorded_at", "value", "vapour_pressure"]
    for id, row in zip((10, 11), rows, strict=True):
        name = f"sensor-{id * 17 % 200:03d}"
        assert row["sensor"] == hmac.digest(KEY.encode(), name.encode(), "sha256").hex()[:16]
        celsius = float(row["value"])
        expected = 6.112 * math.exp(17.62 * celsius / (243.12 + celsius))
        assert float(row["vapour_pressure"]) == pytest.approx(expected)


def test_columns_are_those_of_the_result_and_filters_those_of_the_table(http, service):
    some = 'readings?columns=vapour_pressure,id&note=a, "b"&id_before=99'
    text = service.export(http, some).text
    assert text.startswith("vapour_pressure,id\n")
    assert 1 < len(text.splitlines()) < 99
    assert service.export(http, "readings?columns=note").status_code == 422
    assert service.export(http, "readings?id_before=0").text.startswith("id,sensor")
    operation = http.get(f"{service.url}/openapi.json").json()["paths"]["/exports/readings"]["get"]
    [columns] = [each for each in operation["parameters"] if each["name"] == "columns"]
    assert "vapour_pressure" in columns["schema"]["items"]["enum"]


def test_batches_stay_in_their_order_however_long_each_takes(http, service):
    response = service.export(http, "hurries?format=parquet")
    assert read_parquet(response.content) == [*range(1, ROWS + 1)]


@pytest.mark.parametrize("name", ["fails", "no_batch", "records"])
def test_what_fails_at_first_is_a_problem(http, service, name):
    response = service.export(http, name)
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "nothing is known" not in response.text


def test_a_source_is_transformed_as_well(http, service):
    assert service.export(http, "arrow").text == "number\n2\n4\n6\n"


def failing_later(service: Service) -> list[str]:
    """Who dies in a thread takes the service with him."""
    return ["fails_later", "changes_later", *(["dies_later"] if service.processes else [])]


def test_what_fails_later_aborts_the_stream_with_the_last_word_of_its_format(http, service):
    for name in failing_later(service):
        path = f"{service.url}/exports/{name}?format=jsonl&end=true"
        chunks: list[bytes] = []
        with http.stream("GET", path) as response, pytest.raises(httpx2.RemoteProtocolError):
            chunks.extend(response.iter_bytes())
        *records, last = b"".join(chunks).splitlines()
        assert len(records) >= 30_000
        assert b'"status":"error"' in last.replace(b" ", b""), name


def test_what_fails_fails_a_job(http, service):
    jobs = Jobs(http, service.url)
    paths = [jobs.start(name) for name in ("fails", *failing_later(service))]
    for path in paths:
        job = jobs.wait(path, "failed")
        assert (job["problem"]["status"], job["segments"]) == (500, [])
    whole = jobs.wait(jobs.start("readings", columns=["vapour_pressure"]))
    assert whole["progress"]["rows"] == ROWS
    assert jobs.fetch(whole["segments"][0]).startswith(b"vapour_pressure\n")


def settled(count: Callable[[], int]) -> int:
    """What it counts, once that has stayed the same for a second."""
    counts = [count()]
    while len({*counts[-20:]}) > 1 or len(counts) < 20:
        time.sleep(0.05)
        counts.append(count())
    return counts[-1]


def test_a_reader_that_stands_still_keeps_batches_from_being_made(http, service):
    def count() -> int:
        return len(service.calls.read_text(encoding="utf-8").splitlines())

    service.calls.write_text("", encoding="utf-8")
    identity = {"Accept-Encoding": "identity"}
    with http.stream("GET", f"{service.url}/exports/widens", headers=identity) as response:
        chunks = response.iter_raw(10_000)
        next(chunks)
        assert 0 < settled(count) < MOST_AHEAD
        assert sum(map(len, chunks)) > ROWS * 1_000
    assert count() > MOST_AHEAD


def test_a_process_at_work_ends_when_the_reader_leaves(http, service):
    if not service.processes:
        pytest.skip("nothing ends a thread")
    service.calls.unlink(missing_ok=True)
    with pytest.raises(httpx2.ReadTimeout):
        http.get(f"{service.url}/exports/waits", timeout=3)
    processes = {int(line) for line in service.calls.read_text(encoding="utf-8").splitlines()}
    assert processes
    wait_until(lambda: not any(map(_is_running, processes)))
    assert service.export(http, "arrow").status_code == 200


def _is_running(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    try:
        return stat.read_text(encoding="utf-8").rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def tell_process(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch({"process": pa.array([os.getpid()])})


def signal_and_end(connection: Connection) -> None:
    """Tell the process that has called a transform before SIGTERM, and the one behind it."""
    process, batch = processes.Process(), pa.record_batch({"id": pa.array([1])})
    for _ in range(2):
        made = process.call(tell_process, batch)
        assert isinstance(made, bytes)
        called = pa.ipc.open_stream(made).read_next_batch()["process"][0].as_py()
        connection.send(called)
        os.kill(called, signal.SIGTERM)


def test_a_process_of_transforms_ends_with_its_parent_and_not_at_its_sigterm():
    ours, theirs = processes.CONTEXT.Pipe()
    parent = processes.CONTEXT.Process(target=signal_and_end, args=(theirs,))
    parent.start()
    try:
        parent.join(30)
        assert parent.exitcode == 0
    finally:
        parent.kill()
    called = {ours.recv() for _ in range(2)}
    assert len(called) == 1
    wait_until(lambda: not any(map(_is_running, called)))
