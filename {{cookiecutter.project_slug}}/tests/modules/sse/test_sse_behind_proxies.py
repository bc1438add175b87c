"""Event streams through nginx, HAProxy and Varnish as the docs configure them."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from tests.modules.sse.waiting import open_streams, wait_for
from tests.streaming.fixtures import APP, SOON_SECONDS, free_port
from tests.streaming.proxies import haproxy, varnish

OUTAGE_SECONDS = 6
EVENT_SOURCE = {"Accept": "text/event-stream"}
FOLLOW = """
  window.received = [];
  window.source = new EventSource("/events/house");
  source.onmessage = (event) => received.push(JSON.parse(event.data));
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def upstream() -> str:
    """Where a service may be, or not."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def start_service(serve, upstream) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: serve(APP, "--port", upstream.rpartition(":")[2], DEMO_PERIOD_SECONDS="0.2")


@pytest.fixture(scope="module")
def proxies(require, start_nginx, tmp_path_factory, upstream) -> Iterator[dict[str, str]]:
    """The URL of each proxy before `upstream`."""
    with ExitStack() as running:
        urls = {"nginx": start_nginx(upstream)["HTTP/1.1, buffering on"]}
        for name, program, start in (
            ("haproxy", "haproxy", haproxy),
            ("varnish", "varnishd", varnish),
        ):
            arguments = require(program), upstream, tmp_path_factory.mktemp(name), free_port()
            urls[name] = running.enter_context(start(*arguments))
        yield urls


def test_an_event_source_is_told_to_come_back_while_there_is_no_service(http, proxies):
    for proxy in proxies.values():
        response = http.get(f"{proxy}/events/house", headers=EVENT_SOURCE)
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["Cache-Control"] == "no-store"
        assert 1000 <= int(response.text.removeprefix("retry: ")) <= 4000
        assert response.text.endswith("\n\n")


def test_everybody_else_sees_an_error(http, proxies):
    def ask(proxy: str, request: tuple[str, str, str]) -> int:
        method, path, accept = request
        return http.request(method, proxy + path, headers={"Accept": accept}).status_code

    requests = [
        ("GET", "/events/house", "text/event-stream, application/problem+json"),
        ("GET", "/events/house", "*/*"),
        ("POST", "/events/house", "text/event-stream"),
        ("GET", "/healthz", "text/html"),
    ]
    pairs = list(product(proxies.values(), requests))
    with ThreadPoolExecutor(len(pairs)) as threads:
        for status, pair in zip(threads.map(ask, *zip(*pairs, strict=True)), pairs, strict=True):
            assert status in {502, 503}, pair


def test_events_pass_at_once_and_a_reader_that_leaves_is_noticed(http, start_service, proxies):
    def has_left(server_url: str, topic: str, name: str) -> bool:
        if name == "varnish":  # sees it only when there is something to pass on
            http.post(topic, json="Are you there?")
        return open_streams(http, server_url) == 0

    with start_service() as server:
        for name, proxy in proxies.items():
            wait_for(lambda proxy=proxy: http.get(f"{proxy}/healthz").status_code == 200)
            topic = f"{proxy}/events/{uuid4().hex}"
            with http.stream("GET", topic, headers=EVENT_SOURCE, timeout=SOON_SECONDS) as response:
                lines = response.iter_lines()
                assert next(lines).startswith(":")
                for value in ("first", "second"):
                    http.post(topic, json=value)
                    assert f'data: "{value}"' in iter(lambda lines=lines: next(lines), None)
            wait_for(partial(has_left, server.url, topic, name))


def test_a_page_survives_restarts_and_crashes_of_the_service(http, browser, start_service, proxies):
    def reach(url: str, numbers: list[int]) -> None:
        """Publish the last of the numbers, and wait until the page has all."""
        wait_for(lambda: open_streams(http, url) == 1)
        http.post(f"{url}/events/house", json=numbers[-1])
        wait_for(lambda: browser.execute_script("return received") == numbers)

    with ExitStack() as services:
        server = services.enter_context(start_service())
        browser.get(f"{proxies['nginx']}/healthz")
        browser.execute_script(FOLLOW)
        reach(server.url, [0])
        for number, end in enumerate([signal.SIGTERM, signal.SIGKILL], 1):
            server.process.send_signal(end)
            server.process.wait(10)
            time.sleep(OUTAGE_SECONDS)
            server = services.enter_context(start_service())
            reach(server.url, list(range(number + 1)))
        browser.execute_script("source.close()")
