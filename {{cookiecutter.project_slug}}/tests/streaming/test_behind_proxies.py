"""What docs/streaming/proxies.md says of streams behind nginx, HAProxy and Varnish."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx2
import pytest

from tests.streaming.fixtures import SOON_SECONDS, free_port
from tests.streaming.proxies import haproxy, varnish

PROXIES = ["nginx", "haproxy", "varnish"]
TOLD_NOTHING = """vcl 4.1;
backend service { .host = "127.0.0.1"; .port = "8000"; }
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(serve) -> Iterator[str]:
    with serve("tests.streaming.failing_app:app") as server:
        yield server.url


@pytest.fixture(scope="module")
def proxies(url, require, start_nginx, tmp_path_factory) -> Iterator[dict[str, str]]:
    """The URL of each proxy, and of a Varnish that was told nothing but where the service is."""
    folder = tmp_path_factory.mktemp("proxies")
    told_nothing = folder / "default.vcl"
    told_nothing.write_text(TOLD_NOTHING, encoding="utf-8")
    starts = {
        "haproxy": (haproxy, "haproxy", None),
        "varnish": (varnish, "varnishd", None),
        "varnish alone": (varnish, "varnishd", told_nothing),
    }
    with ExitStack() as running:
        urls = {"nginx": start_nginx(url)["HTTP/1.1, buffering on"]}
        for name, (start, program, config) in starts.items():
            place = folder / name.replace(" ", "-")
            place.mkdir()
            options = {"vcl": config} if config else {}
            urls[name] = running.enter_context(
                start(require(program), url, place, free_port(), **options)
            )
        yield urls


def first_piece(http: httpx2.Client, url: str, coding: str) -> bytes:
    request = http.build_request("GET", url, timeout=SOON_SECONDS)
    del request.headers["Accept-Encoding"]
    if coding:
        request.headers["Accept-Encoding"] = coding
    response = http.send(request, stream=True)
    try:
        return next(response.iter_bytes())
    finally:
        response.close()


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("coding", ["", "identity", "gzip", "br", "zstd"])
def test_a_stream_passes_at_once_however_it_is_coded(http, proxies, proxy, coding):
    assert first_piece(http, f"{proxies[proxy]}/waits", coding) == b"first"


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_client_notices_that_a_stream_breaks_off(http, proxies, proxy):
    with suppress(httpx2.RemoteProtocolError):
        # Where the proxy is so busy that the reset takes away what it has not read yet.
        assert http.get(f"{proxies[proxy]}/fails-later").status_code in (502, 503)


def test_over_http_1_0_nginx_takes_what_has_come_for_the_whole(http, url, start_nginx):
    response = http.get(f"{start_nginx(url)['HTTP/1.0, buffering on']}/fails-later")
    assert (response.status_code, response.content) == (200, b"a" * 1000)


@pytest.mark.parametrize("proxy", ["nginx", "haproxy"])
def test_a_client_that_leaves_is_noticed(http, url, proxies, proxy):
    def count() -> int:
        return http.get(f"{url}/closed").json().count("waits")

    before = count()
    first_piece(http, f"{proxies[proxy]}/waits", "identity")
    deadline = time.monotonic() + SOON_SECONDS
    while count() == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_varnish_that_was_told_nothing_withholds_what_was_compressed_for_it(http, proxies):
    with pytest.raises(httpx2.ReadTimeout):
        first_piece(http, f"{proxies['varnish alone']}/waits", "")
    assert first_piece(http, f"{proxies['varnish alone']}/waits", "gzip") == b"first"
