"""Large files on the way without a copy: the same answers, whatever is before and behind them."""

import contextlib
import os
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contents.raw import ask, connect, parse, read_all, read_answers, request
from tests.streaming.fixtures import APP
from tests.streaming.kernel import NEEDS_LINUX, is_known_to_the_kernel, unsent_bytes
from tests.streaming.waiting import wait_until

MIB = 1024 * 1024
# More than receivers have unread, which is copied.
CONTENT = b"".join(os.urandom(MIB) for _ in range(4)) * 20
OPEN = 'streaming_streams_open{module="file_download"}'
BROWSER = "Accept-Encoding: gzip, deflate, br, zstd"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "large.bin").write_bytes(CONTENT)
    (folder / "small.bin").write_bytes(CONTENT[:1000])
    (folder / "text.csv").write_bytes(b"a,b\n" * 100_000)
    for end in "gz", "br", "zst":
        (folder / f"coded.csv.{end}").write_bytes(end.encode())
    (folder / "coded.csv").write_bytes(b"a,b\n" * 100_000)
    os.utime(folder / "coded.csv", (0, 0))
    (folder / "old.csv.gz").write_bytes(b"of another version")
    os.utime(folder / "old.csv.gz", (0, 0))
    (folder / "old.csv").write_bytes(b"new")
    return folder


@contextlib.contextmanager
def serving(serve: Any, folder: Path, app: str = APP, **settings: str) -> Generator[Any]:
    with serve(app, FILE_DOWNLOAD_FOLDER=str(folder), **settings) as server:
        yield server


@pytest.fixture(scope="module")
def server(serve: Any, folder: Path) -> Iterator[Any]:
    with serving(serve, folder) as server:
        yield server


def writes(server: Any) -> int:
    """How often the process has written anything."""
    return int(Path(f"/proc/{server.process.pid}/io").read_text().partition("syscw:")[2].split()[0])


@NEEDS_LINUX
@pytest.mark.parametrize("line", [BROWSER, "Accept-Encoding: identity", "X: no"])
def test_most_of_a_large_file_is_not_copied(server, line):
    before = writes(server)
    answer = ask(server.url, "/files/large.bin", line)
    assert answer.body == CONTENT
    assert "Content-Encoding" not in answer.headers
    # A copy is one of at most 64 KiB.
    assert writes(server) - before < len(CONTENT) / 65536 * 0.8


def test_head_keep_alive_and_requests_sent_ahead(server):
    asked = [
        ("GET", "/files/large.bin", ()),
        ("HEAD", "/files/large.bin", ()),
        ("GET", "/files/small.bin", ()),
        ("GET", "/files/large.bin", ("Range: bytes=-60000000",)),
        ("GET", "/files/nothing", ()),
        ("GET", "/files/large.bin", ("Range: bytes=0-9",)),
    ]
    with connect(server.url) as connection:
        for method, path, lines in asked:
            connection.sendall(request(path, *lines, method=method))
        answers = read_answers(connection, [method for method, _, _ in asked])
    bodies = [CONTENT, b"", CONTENT[:1000], CONTENT[-60_000_000:], None, CONTENT[:10]]
    assert [answer.status for answer in answers] == [200, 200, 200, 206, 404, 206]
    for answer, body in zip(answers, bodies, strict=True):
        assert body is None or answer.body == body


def test_several_ranges(server):
    spans = [(1, 50_000_000), (60_000_000, 60_000_009), (50_000_010, 59_999_999)]
    value = ",".join(f"{first}-{last}" for first, last in spans)
    answer = ask(server.url, "/files/large.bin", f"Range: bytes={value}")
    assert answer.status == 206
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.parts == [
        (f"bytes {first}-{last}/{len(CONTENT)}", CONTENT[first : last + 1]) for first, last in spans
    ]


def test_http_1_0(server):
    answer = ask(server.url, "/files/large.bin", version="1.0")
    assert answer.body == CONTENT
    assert "Transfer-Encoding" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "coding", "body"),
    [
        ("gzip", "gzip", b"gz"),
        ("br, gzip", "br", b"br"),
        ("gzip, deflate, br, zstd", "zstd", b"zst"),
        ("gzip;q=1, br;q=0.5", "gzip", b"gz"),
        ("identity", None, None),
        ("deflate", None, None),
        ("gzip;q=0", None, None),
    ],
)
def test_a_coded_form_that_lies_beside_a_file(server, accepted, coding, body):
    plain = ask(server.url, "/files/coded.csv", "Accept-Encoding: identity").headers
    answer = ask(server.url, "/files/coded.csv", f"Accept-Encoding: {accepted}")
    assert answer.headers["Content-Encoding"] == coding
    assert answer.headers["Content-Type"] == plain["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Vary"] == plain["Vary"] == "Accept-Encoding"
    if coding:
        assert answer.body == body
        assert answer.headers["ETag"] != plain["ETag"]
        lines = f"Accept-Encoding: {accepted}", f"If-None-Match: {answer.headers['ETag']}"
        assert ask(server.url, "/files/coded.csv", *lines).status == 304
        part = "Range: bytes=1-1", f"If-Range: {answer.headers['ETag']}"
        assert ask(server.url, "/files/coded.csv", lines[0], *part).body == body[1:2]
    else:
        assert answer.headers["ETag"] == plain["ETag"]


def test_a_coded_form_that_is_older_than_its_file_is_of_another_version(server):
    assert ask(server.url, "/files/old.csv", BROWSER).body == b"new"


def test_text_is_compressed_under_an_etag_of_its_own(server):
    plain = ask(server.url, "/files/text.csv").headers["ETag"]
    headers = ask(server.url, "/files/text.csv", BROWSER).headers
    assert headers["Content-Encoding"] == "zstd"
    assert headers["ETag"] == plain.removesuffix('"') + '-zstd"'
    lines = BROWSER, f"If-None-Match: {headers['ETag']}"
    assert ask(server.url, "/files/text.csv", *lines).status == 304


@NEEDS_LINUX
def test_a_reader_that_leaves_is_noticed(http, server):
    def left() -> bool:
        line = 'streaming_streams_total{end="client_left",module="file_download"}'
        return line in http.get(f"{server.url}/metrics").text

    with connect(server.url) as connection:
        connection.sendall(request("/files/large.bin"))
        connection.recv(1000)
    wait_until(left)


@NEEDS_LINUX
def test_a_reader_that_is_too_slow_is_dropped(http, serve, folder):
    with (
        serving(serve, folder, STREAMING_MIN_BYTES_PER_SECOND="200000") as server,
        connect(server.url) as connection,
    ):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(request("/files/large.bin"))
        connection.recv(1000)
        wait_until(lambda: not is_known_to_the_kernel(server.url, connection), seconds=20)
        metrics = http.get(f"{server.url}/metrics").text
        assert 'streaming_streams_total{end="too_slow",module="file_download"}' in metrics


def count_io(process: Path, name: str) -> int:
    return int((process / "io").read_text().partition(f"{name}: ")[2].split()[0])


@NEEDS_LINUX
@pytest.mark.slow
@pytest.mark.parametrize("is_cold", [True, False])
def test_what_is_on_a_disk_alone_is_read_in_threads(server, folder, is_cold):
    with (folder / "large.bin").open("rb") as file:
        os.fsync(file.fileno())
        if is_cold:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    process = Path(f"/proc/{server.process.pid}")
    event_loop = process / "task" / process.name

    def read_in_threads() -> int:
        return count_io(process, "rchar") - count_io(event_loop, "rchar")

    before, from_disk = read_in_threads(), count_io(process, "read_bytes")
    assert ask(server.url, "/files/large.bin", BROWSER).body == CONTENT
    if is_cold and count_io(process, "read_bytes") - from_disk < len(CONTENT) / 2:
        pytest.skip("the file is in memory alone")
    # A piece at least: the kernel may have read ahead what comes then.
    assert (read_in_threads() - before > 2 * MIB) == is_cold


@NEEDS_LINUX
@pytest.mark.slow
def test_slow_readers_take_little_memory(http, serve, folder):
    readers = 100
    with serving(serve, folder) as server, contextlib.ExitStack() as connections:
        ask(server.url, "/files/large.bin")
        before = server.memory
        for _ in range(readers):
            connection = connections.enter_context(connect(server.url))
            connection.sendall(request("/files/large.bin", BROWSER))
            assert connection.recv(1000)
        in_kernel = unsent_bytes(server.url)
        assert f"{OPEN} {readers}.0" in http.get(f"{server.url}/metrics").text
        assert server.memory - before + in_kernel < readers * 512 * 1024


@pytest.mark.slow
def test_sigterm_cuts_who_is_not_done_after_the_grace_period(serve, folder):
    with (
        serving(serve, folder, STREAMING_SHUTDOWN_GRACE_SECONDS="1") as server,
        connect(server.url) as connection,
    ):
        connection.sendall(request("/files/large.bin"))
        begun = connection.recv(1000)
        server.process.terminate()
        server.process.wait(timeout=10)
        with contextlib.suppress(ConnectionError):
            assert len(parse(begun + read_all(connection)).body) < len(CONTENT)


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant", ["http_middleware", "native_telemetry", "opentelemetry", "gzip"]
)
def test_what_wraps_send_changes_nothing(serve, folder, variant):
    app = f"tests.modules.file_download.wrapped_app:{variant}"
    with serving(serve, folder, app) as server:
        before = writes(server)
        answer = ask(server.url, "/files/large.bin", BROWSER if variant != "gzip" else "X: no")
        assert answer.body == CONTENT
        assert variant == "gzip" or writes(server) - before < len(CONTENT) / 65536 * 0.8


@pytest.mark.slow
@pytest.mark.parametrize("name", ["uvicorn", "granian", "hypercorn"])
def test_other_servers_send_copies(serve, folder, name):
    with serve(APP, server=name, FILE_DOWNLOAD_FOLDER=str(folder)) as server:
        assert ask(server.url, "/files/large.bin", BROWSER).body == CONTENT
        span = "Range: bytes=10-60000009"
        assert ask(server.url, "/files/large.bin", span).body == CONTENT[10:60_000_010]
