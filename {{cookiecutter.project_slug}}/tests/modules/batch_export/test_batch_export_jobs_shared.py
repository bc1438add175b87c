"""Jobs in Redis, segments in an S3-compatible store, and workers that are killed and stopped."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import obstore
import pytest

from tests.contents.stores import Store, credentials, make_bucket, seaweed
from tests.modules.batch_export.jobs import Jobs, wait_until
from tests.modules.batch_export.test_batch_export import read_csv
from tests.records.readings import make_readings
from tests.streaming.fixtures import PACKAGE, PROJECT, STOP_SECONDS, free_port
from tests.streaming.redis_server import RedisServer

pytestmark = pytest.mark.slow

APP = "tests.modules.batch_export.shared_service"
ROWS = 60_000
# Some fifteen segments, a second or two of work.
SETTINGS = {
    "BATCH_EXPORT_BATCH_ROWS": "150",
    "BATCH_EXPORT_SEGMENT_BYTES": "300000",
    "BATCH_EXPORT_LEASE_SECONDS": "2",
    "BATCH_EXPORT_STORAGE_URL": "s3://bucket/exports",
    "DEMO_ROWS": "1000",
    "PYTHONPATH": str(PROJECT),
    "TABLES": '{"readings": "id", "live": "id"}',
    # Enough for a segment as CSV, and too little for one as JSON Lines.
    "FILE_BYTES": "450000",
}


class Worker:
    """`python -m PACKAGE worker`, or another one that is started with `python -m`."""

    def __init__(self, folder: Path, program: str, environment: dict[str, str]) -> None:
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *program.split()],
                cwd=folder,
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: "waits for jobs" in self.log)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @contextmanager
    def stopped(self) -> Generator[None]:
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()


class Place(NamedTuple):
    """Where the service, its jobs and their segments are."""

    jobs: Jobs
    redis: RedisServer
    store: Store
    bucket: Any
    workers: list[Worker]
    work: Callable[..., AbstractContextManager[Worker]]

    def names(self) -> set[str]:
        """The segments that are stored."""
        found = obstore.list(self.bucket, "exports").collect()
        return {meta["path"].removeprefix("exports/") for meta in found}

    def check_whole(self, path: str) -> set[str]:
        """Each row is there once, and no object but the segments; returns their attempts."""
        job = self.jobs.wait(path)
        ids = [id for segment in job["segments"] for id in read_csv(self.jobs.fetch(segment))]
        assert sorted(ids) == list(range(1, ROWS + 1))
        names = {name for name in self.names() if name.startswith(job["id"])}
        assert len(names) == len(job["segments"])
        return {Path(name).stem.partition("-")[2] for name in names}


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> str:
    return make_readings(tmp_path_factory.mktemp("readings") / "readings.duckdb", ROWS)


@pytest.fixture(scope="module")
def place(http, serve, require, database, tmp_path_factory) -> Iterator[Place]:
    redis = RedisServer(require("redis-server"), tmp_path_factory.mktemp("redis"), free_port())
    with seaweed(tmp_path_factory.mktemp("seaweed")) as store:
        bucket = make_bucket(store)
        urls = {"DATABASE_URL": database, "BATCH_EXPORT_JOBS_URL": redis.url}
        environment = SETTINGS | urls | credentials(store)

        @contextmanager
        def work(program: str = APP, **more: str) -> Generator[Worker]:
            worker = Worker(tmp_path_factory.mktemp("worker"), program, environment | more)
            try:
                yield worker
            finally:
                worker.end()

        with serve(f"{APP}:app", **environment) as server, work() as one, work() as two:
            yield Place(Jobs(http, server.url), redis, store, bucket, [one, two], work)
    redis.kill()


def wait_for_segments(place: Place, count: int) -> None:
    wait_until(lambda: len(place.names()) >= count)


@pytest.fixture(autouse=True)
def clean(place: Place) -> Iterator[None]:
    """Each test has the store for itself."""
    yield
    for name in place.names():
        obstore.delete(place.bucket, f"exports/{name}")


@contextmanager
def only(place: Place, program: str = APP, **settings: str) -> Generator[Worker]:
    """One more worker, which does all the work meanwhile."""
    with place.work(program, **settings) as worker, ExitStack() as stack:
        for other in place.workers:
            stack.enter_context(other.stopped())
        yield worker


@pytest.mark.alone
def test_who_is_killed_leaves_his_job_to_another_worker(place):
    with only(place, f"{PACKAGE} worker") as worker:
        path = place.jobs.start("readings")
        wait_for_segments(place, 4)
        worker.process.kill()
    begun = time.monotonic()
    assert len(place.check_whole(path)) == 2
    assert time.monotonic() - begun < 10


def test_who_was_stopped_changes_nothing_when_another_has_gone_on(place):
    one, two = place.workers
    with two.stopped():
        path = place.jobs.start("readings")
        wait_for_segments(place, 4)
        one.process.send_signal(signal.SIGSTOP)
    with one.stopped():
        attempts = place.check_whole(path)
    wait_until(lambda: "counts no more" in one.log)
    assert place.check_whole(path) == attempts
    assert len(attempts) == 2


def test_a_job_goes_on_when_redis_was_restarted(place):
    path = place.jobs.start("readings")
    wait_for_segments(place, 4)
    place.redis.kill()
    assert place.jobs.post("readings").json()["type"] == "/problems/jobs-unavailable"
    wait_until(lambda: "cannot be reached" in place.workers[0].log)
    place.redis.start()
    place.check_whole(path)


def test_a_segment_of_the_store_resumes_by_ranges(http, place):
    [segment, *_] = place.jobs.wait(place.jobs.start("readings"))["segments"]
    content = place.jobs.fetch(segment)
    url, etag = place.jobs.url + segment["url"], f'"{segment["sha256"]}"'
    for headers, status, body in [
        ({"Range": "bytes=1000-", "If-Range": etag}, 206, content[1000:]),
        ({"Range": "bytes=5-9", "If-Range": '"another"'}, 200, content),
        ({"If-None-Match": etag}, 304, b""),
    ]:
        response = http.get(url, headers=headers)
        assert (response.status_code, response.content) == (status, body)
        assert response.headers["etag"] == etag


def test_a_job_that_is_cancelled_leaves_nothing(http, place):
    path = place.jobs.start("readings")
    wait_for_segments(place, 4)
    http.delete(place.jobs.url + path).raise_for_status()
    wait_until(lambda: not place.names())  # whoever was at work sees it
    assert place.jobs.read(path)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("source", "format", "problem"),
    [
        ("live", "csv", "about:blank"),  # its transform fails
        ("fails", "csv", "about:blank"),
        ("readings", "jsonl", "/problems/storage-failed"),  # there is no space
    ],
)
def test_what_fails_leaves_a_problem_and_nothing_else(place, source, format, problem):
    job = place.jobs.wait(place.jobs.start(source, format=format), "failed")
    assert (job["problem"]["type"], job["segments"]) == (problem, [])
    wait_until(lambda: not place.names())


def test_a_database_that_is_gone_fails_the_job(place, tmp_path):
    file = tmp_path / "gone.duckdb"
    with only(place, DATABASE_URL=make_readings(file, ROWS)):
        path = place.jobs.start("readings")
        wait_for_segments(place, 2)
        file.unlink()
        job = place.jobs.wait(path, "failed")
    assert job["problem"]["type"] == "/problems/database-unavailable"
    wait_until(lambda: not place.names())


def test_a_store_that_is_gone_fails_the_job_and_is_cleared_when_it_is_back(http, place):
    path = place.jobs.start("readings")
    wait_for_segments(place, 2)
    place.store.kill()
    job = place.jobs.wait(path, "failed")
    assert job["problem"]["type"] == "/problems/storage-failed"
    place.store.start()
    check_expiry(http, place)


def check_expiry(http: httpx2.Client, place: Place) -> None:
    """A worker sweeps what was left and what has expired, but not what is read."""
    settings = {"BATCH_EXPORT_EXPIRE_SECONDS": "1", "BATCH_EXPORT_SEGMENT_BYTES": "1000000000"}
    with only(place, FILE_BYTES="1000000000", **settings):
        wait_until(lambda: not place.names())
        path = place.jobs.start("readings", format="arrow")
        [segment] = place.jobs.wait(path)["segments"]
        with http.stream("GET", place.jobs.url + segment["url"]) as response:
            chunks = response.iter_raw(10_000)
            size = len(next(chunks))
            other = place.jobs.start("readings", id_before=9)
            wait_until(lambda: http.get(place.jobs.url + other).status_code == 404)
            assert size + sum(map(len, chunks)) == segment["bytes"]
        wait_until(lambda: not place.names())


def test_keys_and_limits_hold_for_all_processes(place):
    first, again = (place.jobs.post("fails", headers={"Idempotency-Key": "a"}) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    other = place.jobs.post("fails", headers={"Idempotency-Key": "a"}, format="jsonl")
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert re.fullmatch("[0-9a-f]{32}", first.json()["id"])
