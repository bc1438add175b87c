import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.streaming.fixtures import APP

CONTENT = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def url(files) -> str:
    (files.folder / "data.bin").write_bytes(CONTENT)
    (files.folder / "Füllstand.html").write_text("<script>alert(1)</script>", encoding="utf-8")
    return files.url


def test_a_file_comes_whole_with_its_length_and_validators(http, url):
    response = http.get(f"{url}/data.bin")
    assert response.content == CONTENT
    assert response.headers["content-length"] == str(len(CONTENT))
    assert response.headers["accept-ranges"] == "bytes"
    assert {"etag", "last-modified"} <= set(response.headers)


def test_no_file_runs_as_a_page_of_the_service(http, url):
    response = http.get(f"{url}/Füllstand.html")
    assert response.headers["content-disposition"].startswith("attachment;")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_behind_a_proxy_that_takes_a_prefix_off(http, serve, files, url):
    with serve(APP, "--root-path", "/data", FILE_DOWNLOAD_FOLDER=str(files.folder)) as server:
        below = f"{server.url}/files"
        assert http.get(f"{below}/data.bin", headers={"Range": "bytes=-9"}).content == CONTENT[-9:]
        assert "data.bin" in [file["path"] for file in http.get(below).json()]
        assert http.head(f"{below}.zip?path=data.bin").status_code == 200
        assert http.options(f"{below}/data.bin").headers["allow"] == "GET, HEAD, OPTIONS"
        assert http.get(f"{below}/data/data.bin").status_code == 404


@pytest.mark.slow
def test_sigterm_lets_a_download_finish(http, serve, tmp_path):
    content = os.urandom(30_000_000)  # more than the kernel takes at once
    (tmp_path / "large.bin").write_bytes(content)
    with serve(FILE_DOWNLOAD_FOLDER=str(tmp_path)) as server:
        with http.stream("GET", f"{server.url}/files/large.bin") as response:
            chunks = response.iter_raw()
            received = next(chunks)
            server.process.terminate()
            assert received + b"".join(chunks) == content
        server.process.wait(timeout=5)


@pytest.mark.slow
def test_many_ranges_at_once_come_right(http, url):
    def read(start: int) -> bool:
        headers = {"Range": f"bytes={start}-{start + 99_999}"}
        response = http.get(f"{url}/data.bin", headers=headers)
        return response.content == CONTENT[start : start + 100_000]

    with ThreadPoolExecutor(40) as threads:
        assert all(threads.map(read, range(0, 4000, 10)))


def test_its_streams_are_counted(http, files, url):
    http.get(f"{url}/data.bin")
    metrics = http.get(f"{files.server.url}/metrics").text
    assert 'streaming_bytes_total{module="file_download"}' in metrics
