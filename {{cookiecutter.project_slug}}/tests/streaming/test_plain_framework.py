"""Why the core is there: each test shows what FastAPI does without it, and fails once it is mended.

Leave them out with `-m "not framework"`.
"""

import socket
import subprocess

import httpx2
import pytest

from tests.streaming.plain_app import CHUNKS

pytestmark = [pytest.mark.framework, pytest.mark.slow]

APP = "tests.streaming.plain_app:app"


@pytest.fixture(scope="module")
def url(serve):
    with serve(APP) as server:
        yield server.url


def test_an_error_before_the_first_record_is_a_200(http, url):
    with http.stream("GET", f"{url}/fails-at-once") as response:
        assert response.status_code == 200


def test_a_stream_goes_on_when_its_client_has_left(http, url):
    with http.stream("GET", f"{url}/never-waits") as response:
        next(response.iter_raw())
    assert http.get(f"{url}/produced", timeout=60).json() == CHUNKS


def test_a_compressed_file_has_the_etag_and_the_ranges_of_the_plain_one(http, url):
    headers = http.get(f"{url}/compressed/file", headers={"Accept-Encoding": "gzip"}).headers
    assert headers["content-encoding"] == "gzip"
    assert (headers["etag"], headers["accept-ranges"]) == ('"1"', "bytes")


def test_an_endless_stream_keeps_the_process_alive(serve):
    with serve(APP) as server:
        address = httpx2.URL(server.url)
        with socket.create_connection((address.host, address.port)) as reader:
            reader.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert reader.recv(1000)
            server.process.terminate()
            with pytest.raises(subprocess.TimeoutExpired):
                server.process.wait(3)
