"""Jobs whose processes are killed, stopped, restarted, or have no space; and the end of jobs."""

import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.modules.batch_export.jobs import Jobs, files_of, wait_for_files, wait_until
from tests.modules.batch_export.test_batch_export import read_csv
from tests.records.readings import make_readings
from tests.streaming.fixtures import Serve, Server

APP = "tests.modules.batch_export.jobs_service:app"
ROWS = 120_000
# Some thirty segments, a second or two of work.
SETTINGS = {
    "BATCH_EXPORT_BATCH_ROWS": "150",
    "BATCH_EXPORT_SEGMENT_BYTES": "300000",
    "BATCH_EXPORT_LEASE_SECONDS": "2",
    "DEMO_ROWS": "1000",
}

Start = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("readings") / "readings.duckdb"
    make_readings(file, ROWS)
    return file


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path / "exports"


@pytest.fixture
def start(serve: Serve, database: Path, storage: Path) -> Start:
    """Start one more process for the same jobs."""

    def start(*options: str, **environment: str) -> AbstractContextManager[Server]:
        urls = {
            "DATABASE_URL": f"duckdb:///{database}",
            "BATCH_EXPORT_STORAGE_URL": storage.as_uri(),
        }
        return serve(APP, *options, **urls | SETTINGS | environment)

    return start


def check_whole(jobs: Jobs, path: str, storage: Path) -> set[str]:
    """Each row is there once, and no file but the segments; returns their attempts."""
    job = jobs.wait(path)
    ids = [id for segment in job["segments"] for id in read_csv(jobs.fetch(segment))]
    assert sorted(ids) == list(range(1, ROWS + 1))
    files = files_of(storage)
    assert len(files) == len(job["segments"])
    return {Path(name).stem.partition("-")[2] for name in files}


@pytest.mark.slow
def test_who_is_killed_or_ends_leaves_his_job_to_the_next_one(http, start, storage):
    with start() as server:
        path = Jobs(http, server.url).start("live", id_before=ROWS + 1)
        wait_for_files(storage, 4)
        server.process.kill()
    with start() as server:
        wait_for_files(storage, 8)
        server.process.terminate()
        server.process.wait()
    with start() as server:
        assert check_whole(Jobs(http, server.url), path, storage) == {"1", "2", "3"}


@pytest.mark.slow
def test_who_was_stopped_changes_nothing_when_another_has_gone_on(http, start, storage):
    with start() as stopped:
        path = Jobs(http, stopped.url).start("readings")
        wait_for_files(storage, 4)
        stopped.process.send_signal(signal.SIGSTOP)
        with start() as server:
            attempts = check_whole(Jobs(http, server.url), path, storage)
            stopped.process.send_signal(signal.SIGCONT)
            deadline = time.monotonic() + 10
            while "Attempt 1" not in stopped.log and time.monotonic() < deadline:
                time.sleep(0.1)
            assert check_whole(Jobs(http, server.url), path, storage) == attempts == {"1", "2"}
            assert Jobs(http, stopped.url).read(path)["status"] == "complete"


@pytest.mark.slow
def test_a_database_that_is_gone_fails_the_job(http, start, storage, tmp_path):
    file = tmp_path / "gone.duckdb"
    make_readings(file, ROWS)
    with start(DATABASE_URL=f"duckdb:///{file}") as server:
        jobs = Jobs(http, server.url)
        path = jobs.start("readings")
        wait_for_files(storage, 2)
        file.unlink()
        assert jobs.wait(path, "failed")["problem"]["type"] == "/problems/database-unavailable"
        wait_until(lambda: files_of(storage) == set())


@pytest.mark.slow
def test_a_disk_that_is_full_fails_the_job(http, start, storage):
    settings = {"FILE_BYTES": "500000", "BATCH_EXPORT_SEGMENT_BYTES": "1000000"}
    with start(**settings) as server:
        jobs = Jobs(http, server.url)
        job = jobs.wait(jobs.start("readings"), "failed")
        assert job["problem"]["type"] == "/problems/storage-failed"
        assert job["segments"] == []
        wait_until(lambda: files_of(storage) == set())
        small = jobs.wait(jobs.start("readings", id_before=100))
        assert len(read_csv(jobs.fetch(small["segments"][0]))) == 99


@pytest.mark.slow
def test_expired_jobs_are_swept_but_not_while_they_are_read(http, start, storage):
    settings = {"BATCH_EXPORT_EXPIRE_SECONDS": "2", "BATCH_EXPORT_SEGMENT_BYTES": "1000000000"}
    with start(**settings) as server:
        jobs = Jobs(http, server.url)
        path, unread = (jobs.start("readings", format="arrow") for _ in range(2))
        store_name = Path(path).name[:8]
        orphan, other = (storage / name for name in (store_name + "0" * 24, "photos"))
        for folder in (orphan, other):
            folder.mkdir(parents=True)
            (folder / "1-1.csv").touch()
        jobs.wait(unread)
        [segment] = jobs.wait(path)["segments"]
        with http.stream("GET", server.url + segment["url"]) as response:
            chunks = response.iter_raw(10_000)
            size = len(next(chunks))
            wait_for_end(jobs, unread)
            assert jobs.read(path)["status"] == "complete"
            assert size + sum(map(len, chunks)) == segment["bytes"]
        wait_for_end(jobs, path)
        assert [*storage.glob("*/")] == [other]
        assert files_of(storage) == {"1-1.csv"}


def wait_for_end(jobs: Jobs, path: str) -> None:
    deadline = time.monotonic() + 20
    while jobs.http.get(jobs.url + path).status_code != 404:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_there_are_only_so_many_jobs(http, start, storage):
    limits = {"BATCH_EXPORT_MAX_JOBS": "4", "BATCH_EXPORT_MAX_JOBS_PER_ADDRESS": "3"}
    with start(BATCH_EXPORT_PARALLEL_JOBS="0", FORWARDED_ALLOW_IPS="*", **limits) as server:
        assert not storage.exists()  # until somebody asks for a job
        jobs = Jobs(http, server.url)
        mine = [jobs.start("readings") for _ in range(3)]
        refused = jobs.post("readings")
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems/limit")
        assert "retry-after" in refused.headers
        other = {"X-Forwarded-For": "192.0.2.7"}
        assert jobs.post("readings", headers=other).status_code == 202
        assert jobs.post("readings", headers=other).status_code == 503
        jobs.http.delete(jobs.url + mine[0])
        assert jobs.post("readings").status_code == 202
