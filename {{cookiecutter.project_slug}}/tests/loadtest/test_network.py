"""Each network is measured against its profile, however this machine makes it."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from math import inf
from urllib.parse import urlsplit

import pytest

from loadtest.network import PROFILES, open_network
from tests.streaming.fixtures import PROJECT

TRIES = 8
SECONDS = 1  # of what a connection carries
TOTAL_RETRANSMITS = 100  # where `struct tcp_info` has it

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """The URL of a server that sends back what it gets."""

    def answer(connection: socket.socket) -> None:
        with connection:
            while piece := connection.recv(1024 * 1024):
                connection.sendall(piece)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=[connection], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def connect(url: str) -> closing[socket.socket]:
    address = urlsplit(url)
    return closing(socket.create_connection((address.hostname, address.port), timeout=60))


def echo_seconds(connection: socket.socket, size: int) -> float:
    begun = time.monotonic()
    sending = threading.Thread(target=connection.sendall, args=[bytes(size)])
    sending.start()
    while size > 0:
        piece = connection.recv(1024 * 1024)
        assert piece
        size -= len(piece)
    sending.join()
    return time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.parametrize("name", ["office", "mobile", "lossy"])
def test_a_network_is_as_its_profile_says(name, echo):
    profile = PROFILES[name]
    with open_network(name, echo) as network, connect(network.url) as connection:
        has_router = "router" in network.how
        lacks_something = not has_router and (profile.loss > 0 or profile.line < inf)
        assert lacks_something == ("but not" in network.how)

        trip = min(echo_seconds(connection, 1) for _ in range(TRIES))
        assert profile.round_trip - profile.jitter <= trip < profile.round_trip * 2

        narrowest = min(profile.up, profile.line if has_router else profile.up)
        size = int(narrowest * SECONDS)
        carried = size / (echo_seconds(connection, size) - trip)
        assert narrowest / 3 < carried < narrowest * 1.3

        if has_router and profile.loss:
            report = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
            assert any(report[TOTAL_RETRANSMITS:])


def test_an_unknown_network_is_refused():
    refused = pytest.raises(ValueError, match="NETWORK=lunar is none of office, mobile")
    with refused, open_network("lunar", "http://127.0.0.1:9"):
        pass


@pytest.mark.parametrize(
    "url", ["https://data.example.org", "data.example.org", "localhost:8000", "http:///below", ""]
)
def test_a_url_that_no_network_leads_to_is_refused_by_name(url):
    refused = pytest.raises(ValueError, match=f"^{url} is no http:// URL")
    with refused, open_network("mobile", url):
        pass


def test_a_load_test_over_a_network_refuses_tls_with_one_line(run):
    command = [sys.executable, "-m", "loadtest", "--url", "https://data.example.org"]
    refused = run(*command, "--network", "direct", "mobile", cwd=PROJECT)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].endswith(
        "https://data.example.org is no http:// URL: a network is made of TCP, and opens no TLS"
    )


def test_what_a_service_is_below_is_kept(echo):
    with open_network("office", f"{echo}/below/it/") as network:
        assert urlsplit(network.url).path == "/below/it"
        with connect(network.url) as connection:
            assert echo_seconds(connection, 1) < TRIES
