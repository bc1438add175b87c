"""Files that are changed at full speed while they are downloaded: whole versions, or no whole body."""

import contextlib
import itertools
import mmap
import os
import shutil
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.contents.folder import (
    Folder,
)

from tests.contents.raw import Answer, ask, connect, parse, read_all, request
from tests.streaming.waiting import wait_until

SECONDS = 1.5
READERS = 4
SIZE = 3_000_000
SECRET = b"secret" * 1000
A, B = (letter * SIZE for letter in (b"a", b"b"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (tmp_path_factory.getbasetemp() / "secret").write_bytes(SECRET)
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def server(serve: Any, folder: Path) -> Iterator[Any]:
    with serve(FILE_DOWNLOAD_FOLDER=str(folder)) as server:
        yield server


@pytest.fixture(scope="module")
def url(server: Any) -> str:
    return server.url


def swap_links(path: Path) -> None:
    """Let it be a file of the folder and one outside, in turn."""
    inside = path.with_name("inside")
    inside.write_bytes(A)
    for target in (inside, path.parents[1] / "secret"):
        path.with_name("next").symlink_to(target)
        path.with_name("next").replace(path)


def swap_folders(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/etc/passwd")
    path.unlink()
    path.write_bytes(A)


def replace(path: Path) -> None:
    for content in (A, B):
        path.with_name("next").write_bytes(content)
        path.with_name("next").replace(path)


def replace_small(path: Path) -> None:
    for letter in "ab":
        path.with_name("next").write_text(letter * 100)
        path.with_name("next").replace(path)


def write_in_place(path: Path, content: bytes) -> None:
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(content)


def rewrite(path: Path) -> None:
    """In place, with time for a download to begin."""
    for content in (A, B):
        write_in_place(path, content)
        time.sleep(0.03)


def rewrite_at_full_speed(path: Path) -> None:
    for content in (A, B):
        write_in_place(path, content)


def rewrite_longer(path: Path) -> None:
    for content in (A, B + B):
        path.write_bytes(content)
        time.sleep(0.03)


def rewrite_with_the_old_time(path: Path) -> None:
    for content in (A, B):
        write_in_place(path, content)
        os.utime(path, (0, 0))
        time.sleep(0.03)


def truncate(path: Path) -> None:
    path.write_bytes(A)
    time.sleep(0.03)
    os.truncate(path, SIZE // 2)


def turn_into_a_fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    path.unlink()
    path.write_bytes(A)


CHANGES = [
    swap_links,
    swap_folders,
    replace,
    replace_small,
    rewrite,
    rewrite_at_full_speed,
    rewrite_longer,
    rewrite_with_the_old_time,
    truncate,
    turn_into_a_fifo,
]


@contextlib.contextmanager
def at_full_speed(change: Callable[[Path], None], path: Path) -> Generator[None]:
    ended = threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            change(path)

    with ThreadPoolExecutor(1) as threads:
        repeating = threads.submit(repeat)
        try:
            yield
        finally:
            ended.set()
            repeating.result()


def is_whole(answer: Answer) -> bool:
    return answer.status == 200 and len(answer.body) == int(answer.headers["Content-Length"])


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_looks_complete_is_one_version_and_of_the_folder(url, folder, change):
    path = folder / change.__name__
    change(path)
    until = time.monotonic() + SECONDS
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)

    def download(_: int) -> None:
        while time.monotonic() < until:
            answer = ask(url, f"/files/{path.name}")
            assert answer.status in {200, 404, 503}
            assert answer.status == 503 or b"secret" not in answer.body
            if is_whole(answer):
                assert len(set(answer.body)) <= 1, "two versions in one body"
                if etag := answer.headers["ETag"]:
                    bodies[etag].add(answer.body)

    with at_full_speed(change, path), ThreadPoolExecutor(READERS) as threads:
        list(threads.map(download, range(READERS)))
    assert all(len(found) == 1 for found in bodies.values()), "two bodies under one ETag"
    assert ask(url, "/healthz").status == 200


def harmless_changes(path: Path) -> Iterator[Callable[[], object]]:
    other = path.with_name("other")
    yield lambda: path.rename(other)
    yield lambda: other.rename(path)
    yield lambda: path.chmod(0o600)
    yield lambda: os.link(path, other)
    yield other.unlink
    yield lambda: os.truncate(path, path.stat().st_size + 1000)
    yield path.unlink


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("size", [SIZE, 80_000_000], ids=["copied", "uncopied"])
def test_what_does_not_change_the_bytes_lets_a_download_end(url, folder, number, size):
    path = folder / f"harmless-{number}-{size}"
    content = os.urandom(1000) * (size // 1000)
    path.write_bytes(content)
    changes = list(itertools.islice(harmless_changes(path), number + 1))
    with connect(url) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(request(f"/files/{path.name}", "Connection: close"))
        begun = connection.recv(1000)
        for change in changes:
            change()
        answer = parse(begun + read_all(connection))
    path.unlink(missing_ok=True)
    assert answer.body == content


@pytest.mark.parametrize("size", [SIZE, 80_000_000], ids=["copied", "uncopied"])
@pytest.mark.parametrize("part", ["start", "end", "all", "front"])
def test_a_file_that_is_rewritten_under_way_does_not_look_complete(server, url, folder, size, part):
    path, before = folder / f"rewritten-{part}-{size}", len(server.log)
    path.write_bytes(b"a" * size)
    with connect(url) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(request(f"/files/{path.name}", "Connection: close"))
        begun = connection.recv(1000)
        with path.open("r+b") as file:
            file.seek(size - 1000 if part == "end" else 0)
            file.write(b"b" * (size if part == "all" else 1000))
            if part == "front":
                file.truncate()
        answer = parse(begun + read_all(connection))
    path.unlink()
    assert len(answer.body) < int(answer.headers["Content-Length"])
    wait_until(lambda: "ends too early" in server.log[before:])
    assert path.name in server.log[before:]
    assert "Traceback" not in server.log[before:]


def test_a_file_is_not_looked_at_in_the_middle_of_a_write(folder):
    path, size = folder / "long-write", 128 * 1024**2
    path.write_bytes(b"a" * size)
    # The kernel gets its pages one by one, which takes a third of a second.
    zeros = mmap.mmap(-1, size)
    with path.open("r+b", buffering=0) as file, ThreadPoolExecutor(1) as threads:
        writing = threads.submit(file.write, zeros)
        wait_until(lambda: os.pread(file.fileno(), 1, 0) == b"\0")
        time.sleep(0.03)  # from now on its times look settled
        with Folder(folder).open(path.name) as opened:
            is_written = os.pread(opened.fileno(), 1, size - 1) == b"\0"
            assert is_written or opened.representation.etag is None
        writing.result()
    path.unlink()


@pytest.mark.slow
def test_a_folder_that_becomes_a_link_leads_nowhere(server, url, folder):
    outside, inside = folder.parent / "outside", folder / "swapped"
    outside.mkdir()
    (outside / "secret").write_bytes(SECRET)

    def swap(path: Path) -> None:
        path.mkdir()
        (path / "inside").write_bytes(b"")
        path.rename(folder.parent / "away")
        path.symlink_to(outside)
        path.unlink()
        shutil.rmtree(folder.parent / "away")

    until, answers = time.monotonic() + SECONDS, set()
    with at_full_speed(swap, inside):
        while time.monotonic() < until:
            for path in (
                "/files?folder=swapped",
                "/files/swapped/secret",
                "/files.zip?folder=swapped",
            ):
                answer = ask(url, path)
                assert b"secret" not in answer.body.replace(b"/secret", b"")
                answers.add((path, answer.status))
    assert "Traceback" not in server.log
    statuses = {status for _, status in answers}
    assert statuses <= {200, 404, 503}
    assert ("/files/swapped/secret", 200) not in answers


def test_a_fifo_keeps_nobody_waiting(url, folder):
    os.mkfifo(folder / "fifo")
    started = time.monotonic()
    assert ask(url, "/files/fifo").status == 404
    assert time.monotonic() - started < 5


def test_a_log_that_grows_all_the_time_is_sent_as_long_as_it_was(url, folder):
    path = folder / "log"
    path.write_bytes(b"")

    def append(path: Path) -> None:
        with path.open("ab") as file:
            file.write(b"line\n" * 100)

    with at_full_speed(append, path):
        for _ in range(5):
            answer = ask(url, "/files/log")
            assert is_whole(answer)
            assert set(answer.body) <= set(b"line\n")
