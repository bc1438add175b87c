import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.streaming.fixtures import APP

CONTENT = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "sub").mkdir()
    (folder / "data.bin").write_bytes(CONTENT)
    (folder / "sub" / "Füllstand.html").write_text("<script>alert(1)</script>", encoding="utf-8")
    secret = tmp_path_factory.mktemp("outside") / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    os.symlink(secret, folder / "link.txt")
    os.symlink(folder / "loop", folder / "loop")
    (folder / "line\nfeed.txt").touch()
    (folder / os.fsdecode(b"not-utf-8-\xff.txt")).touch()
    return folder


@pytest.fixture(scope="module")
def url(serve, folder):
    with serve(FILE_DOWNLOAD_FOLDER=str(folder)) as server:
        yield f"{server.url}/files"


def test_the_listing_has_the_files_and_no_link_that_leads_out(http, url):
    files = http.get(url).json()
    assert [file["path"] for file in files] == ["data.bin", "sub/Füllstand.html"]
    assert files[0]["size"] == len(CONTENT)


def test_the_listing_goes_on_behind_a_cursor(http, url):
    assert [file["path"] for file in http.get(url, params={"limit": 1}).json()] == ["data.bin"]
    rest = http.get(url, params={"after": "data.bin"}).json()
    assert [file["path"] for file in rest] == ["sub/Füllstand.html"]


def test_a_file_comes_whole_with_its_length_and_validators(http, url):
    response = http.get(f"{url}/data.bin")
    assert response.content == CONTENT
    assert response.headers["content-length"] == str(len(CONTENT))
    assert response.headers["accept-ranges"] == "bytes"
    assert {"etag", "last-modified"} <= set(response.headers)


def test_head_gives_the_headers_alone(http, url):
    head, get = http.head(f"{url}/data.bin"), http.get(f"{url}/data.bin")
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]
    assert head.headers["etag"] == get.headers["etag"]


@pytest.mark.parametrize(
    ("range", "first", "end"),
    [("bytes=0-9", 0, 10), ("bytes=255000-", 255_000, 256_000), ("bytes=-5", 255_995, 256_000)],
)
def test_a_range_is_those_bytes(http, url, range, first, end):
    response = http.get(f"{url}/data.bin", headers={"Range": range})
    assert response.status_code == 206
    assert response.headers["content-range"] == f"bytes {first}-{end - 1}/256000"
    assert response.content == CONTENT[first:end]


def test_if_range_with_another_etag_gets_the_whole_file(http, url):
    headers = {"Range": "bytes=10-19", "If-Range": '"another"'}
    response = http.get(f"{url}/data.bin", headers=headers)
    assert (response.status_code, response.content) == (200, CONTENT)


def test_a_range_behind_the_end_gets_416_with_the_size(http, url):
    response = http.get(f"{url}/data.bin", headers={"Range": "bytes=256000-"})
    assert response.status_code == 416
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["content-range"] == "bytes */256000"


def test_a_client_that_has_the_file_gets_304(http, url):
    etag = http.get(f"{url}/data.bin").headers["etag"]
    assert http.get(f"{url}/data.bin", headers={"If-None-Match": etag}).status_code == 304


def test_no_file_runs_as_a_page_of_the_service(http, url):
    response = http.get(f"{url}/sub/Füllstand.html")
    assert response.headers["content-disposition"].startswith("attachment;")
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "nope",
        "sub",
        "link.txt",
        "loop",
        "%2e%2e/secret.txt",
        "..%2f..%2fetc/passwd",
        "%00",
        "/etc/passwd",
    ],
)
def test_what_is_not_a_file_of_the_folder_is_not_found(http, url, path):
    response = http.get(f"{url}/{path}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 4])
def test_sigterm_lets_a_download_finish(http, serve, tmp_path, workers):
    content = os.urandom(30_000_000)  # more than the kernel takes at once
    (tmp_path / "large.bin").write_bytes(content)
    with serve(APP, "--workers", str(workers), FILE_DOWNLOAD_FOLDER=str(tmp_path)) as server:
        with http.stream("GET", f"{server.url}/files/large.bin") as response:
            chunks = response.iter_raw()
            received = next(chunks)
            server.process.terminate()
            assert received + b"".join(chunks) == content
        server.process.wait(timeout=5)


@pytest.mark.slow
@pytest.mark.parametrize("server", ["ours", "granian"])
def test_many_ranges_at_once_come_right(http, serve, folder, server):
    def read(start: int) -> bool:
        headers = {"Range": f"bytes={start}-{start + 99_999}"}
        return (
            http.get(f"{running.url}/files/data.bin", headers=headers).content
            == (CONTENT[start : start + 100_000])
        )

    settings = {"FILE_DOWNLOAD_FOLDER": str(folder)}
    with serve(APP, server=server, **settings) as running, ThreadPoolExecutor(40) as threads:
        assert all(threads.map(read, range(0, 4000, 10)))


def test_its_streams_are_counted(http, service):
    http.get(f"{service}/files/readings.csv")
    assert 'streaming_bytes_total{module="file_download"}' in http.get(f"{service}/metrics").text
