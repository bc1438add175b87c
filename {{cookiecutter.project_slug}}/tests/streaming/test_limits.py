"""What a client may do to a service: each kind of excess, over a raw socket.

docs/streaming/limits.md lists the limits, with the tests of this file that drive each.
"""

import contextlib
import re
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from {{ cookiecutter.package_name }}.streaming.settings import (
    StreamingSettings,
)

from tests.streaming.closing import closed, wait_until_closed
from tests.streaming.fixtures import PROJECT, SOON_SECONDS, Server
from tests.streaming.kernel import NEEDS_LINUX, is_known_to_the_kernel
from tests.streaming.stalled import MIB
from tests.streaming.test_metrics import wait_for
from tests.streaming.waiting import wait_until

PAGE = PROJECT / "docs" / "streaming" / "limits.md"
SETTINGS = {
    "STREAMING_REQUEST_SECONDS": "1",
    "STREAMING_MAX_BODIES": "20",
    "STREAMING_MAX_STREAMS": "6",
    "STREAMING_MAX_STREAMS_PER_ADDRESS": "4",
    "STREAMING_MIN_BYTES_PER_SECOND": "65536",
    "MAX_BODY_BYTES": str(MIB),
    # The tests send from several addresses.
    "FORWARDED_ALLOW_IPS": "*",
}
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"Expect: 100-continue\r\n"


@pytest.fixture(scope="module")
def server(serve) -> Iterator[Server]:
    with serve("tests.streaming.failing_app:app", **SETTINGS) as server:
        yield server
        assert "Traceback" not in server.log


@pytest.fixture(autouse=True)
def unharmed(server: Server, http) -> Iterator[None]:
    """After each excess the service answers at once, and is not much larger than before."""
    before = server.memory
    yield
    begun = time.monotonic()
    assert http.get(f"{server.url}/healthz").status_code == 200
    assert time.monotonic() - begun < 1
    assert server.memory - before < 64 * MIB


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[[], socket.socket]]:
    address = httpx2.URL(server.url)
    with contextlib.ExitStack() as connections:

        def open_connection() -> socket.socket:
            return connections.enter_context(
                socket.create_connection((address.host, address.port), timeout=SOON_SECONDS)
            )

        yield open_connection


def read_answer(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection, whichever way it does."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            answer += part
    return answer


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def send_for_long(connection: socket.socket, head: bytes, repeated: bytes, megabytes: int) -> None:
    """Send a head and then the same again and again, until the server does not want it any more."""
    block = repeated * (65536 // len(repeated))
    with contextlib.suppress(ConnectionError):
        connection.sendall(head)
        for _ in range(megabytes * 16):
            connection.sendall(block)


@pytest.mark.parametrize(
    ("head", "repeated"),
    [
        pytest.param(b"GET /", b"a", id="a URL"),
        pytest.param(GET + b"A: ", b"a", id="the value of a field"),
        pytest.param(GET, b"a", id="the name of a field"),
        pytest.param(GET, b"A: " + b"a" * 1000 + b"\r\n", id="fields"),
        pytest.param(GET, b"A:\r\n", id="tiny fields"),
        pytest.param(b"", b"\r\n", id="empty lines"),
        pytest.param(CHUNKED + b"0\r\n", b"A: " + b"a" * 1000 + b"\r\n", id="trailers"),
        pytest.param(CHUNKED + b"0\r\n", b"A:\r\n", id="tiny trailers"),
        pytest.param(CHUNKED + b"0\r\nA: ", b"a", id="the value of a trailer"),
        pytest.param(CHUNKED + b"1;", b"a", id="an extension of a chunk"),
        pytest.param(CHUNKED, b"0", id="the size of a chunk"),
    ],
)
def test_what_is_no_body_has_a_limit(connect, head, repeated):
    connection = connect()
    send_for_long(connection, head, repeated, megabytes=150)
    assert statuses(read_answer(connection)) in ([], [400], [431])


def test_a_head_that_is_too_large_is_a_problem(connect):
    connection = connect()
    connection.sendall(GET + b"A: " + b"a" * 40_000)
    answer = read_answer(connection)
    assert statuses(answer) == [431]
    assert b"application/problem+json" in answer


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_head_may_arrive_in_any_parts(connect, size):
    connection = connect()
    head = GET + b"A: %s\r\nConnection: close\r\n\r\n" % (b"a" * 500)
    for start in range(0, len(head), size):
        connection.sendall(head[start : start + size])
    assert statuses(read_answer(connection)) == [200]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\n\r\n", 400, id="no Host"),
        pytest.param(GET + b"Host: localhost\r\n\r\n", 400, id="two Hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, id="a Host with a space"),
        pytest.param(GET + b"A: b\r\n c\r\n\r\n", 400, id="a folded line"),
        pytest.param(GET + b"A : b\r\n\r\n", 400, id="a space before the colon"),
        pytest.param(GET + b"A: \0\r\n\r\n", 400, id="NUL"),
        pytest.param(GET.replace(b"\r\n", b"\n") + b"\n", 400, id="bare line feeds"),
        pytest.param(b"get /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a method in lower case"),
        pytest.param(b"GET /?\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a URL not in ASCII"),
        pytest.param(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="CONNECT"),
        pytest.param(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, id="HTTP/2 without a preface"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="the preface of HTTP/2"),
        pytest.param(
            CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n0\r\n\r\n", 400, id="a length and chunks"
        ),
        pytest.param(
            POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na", 400, id="one length twice"
        ),
        pytest.param(POST + b"Content-Length: +1\r\n\r\na", 400, id="a length with a sign"),
        pytest.param(POST + b"Transfer-Encoding: identity\r\n\r\na", 400, id="not chunked last"),
        pytest.param(CHUNKED + b"-1\r\n", 400, id="a chunk of no size"),
        pytest.param(CHUNKED + b"f" * 17 + b"\r\n", 400, id="a chunk of any size"),
        pytest.param(CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n", 400, id="chunks in HTTP/1.0"),
        pytest.param(
            POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}",
            400,
            id="h2c with a body",
        ),
    ],
)
def test_what_is_no_request_is_refused_and_nothing_after_it_heard(connect, sent, status):
    """Anything else than one clear answer lets two servers in a row see different requests."""
    connection = connect()
    connection.sendall(sent + GET + b"\r\n")
    answer = read_answer(connection)
    assert statuses(answer) == [status]
    assert b"application/problem+json" in answer


@pytest.mark.parametrize(
    ("sent", "more"),
    [
        pytest.param(b"", b"", id="nothing", marks=pytest.mark.slow),
        pytest.param(b"GET / HT", b"", id="half a request", marks=pytest.mark.slow),
        pytest.param(GET, b"A: b\r\n", id="a field now and then", marks=pytest.mark.slow),
        pytest.param(GET + b"A: ", b"a", id="a byte now and then"),
        pytest.param(b"", b"\r\n", id="empty lines now and then", marks=pytest.mark.slow),
        pytest.param(
            POST + b"Content-Length: 900\r\n\r\n", b"", id="no body", marks=pytest.mark.slow
        ),
        pytest.param(POST + b"Content-Length: 900\r\n\r\n", b" ", id="a body byte by byte"),
        pytest.param(CHUNKED, b"1\r\na\r\n", id="a chunk now and then", marks=pytest.mark.slow),
        pytest.param(CHUNKED + b"1;", b"a", id="an extension byte by byte", marks=pytest.mark.slow),
        pytest.param(CHUNKED + b"0\r\n", b"A: b\r\n", id="a trailer now and then"),
        pytest.param(
            GET.replace(b"1.1", b"1.0") + b"Connection: keep-alive\r\n",
            b"",
            id="1.0",
            marks=pytest.mark.slow,
        ),
        pytest.param(GET + b"\r\n", b"", id="nothing after an answer", marks=pytest.mark.slow),
        pytest.param(
            GET + b"\r\n", b"\r\n", id="empty lines after an answer", marks=pytest.mark.slow
        ),
        pytest.param(
            GET + b"\r\n" + GET,
            b"A: b\r\n",
            id="half a request after an answer",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            POST + b"Content-Length: 2000\r\n\r\n",
            b" ",
            id="a body that was refused, byte by byte",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            POST + CONTINUE + b"Content-Length: 2\r\n\r\n",
            b"",
            id="no body after 100",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_request_has_its_time(connect, sent, more):
    """Longer than that nobody keeps a connection, with silence or with a byte now and then."""
    connection = connect()
    begun = time.monotonic()
    with contextlib.suppress(ConnectionError):
        connection.sendall(sent)
        connection.settimeout(0.1)
        while time.monotonic() < begun + 10:
            try:
                if not connection.recv(65536):
                    break
            except TimeoutError:
                connection.sendall(more)
    # uvicorn closes a connection on which nothing comes after 5 seconds.
    assert 0.5 < time.monotonic() - begun < 7


@pytest.mark.slow
def test_a_process_that_was_paused_blames_nobody_for_its_own_time(connect, server):
    connection = connect()
    connection.sendall(GET)
    time.sleep(0.2)
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    server.process.send_signal(signal.SIGCONT)
    time.sleep(0.2)
    connection.sendall(b"Connection: close\r\n\r\n")
    assert statuses(read_answer(connection)) == [200]


@pytest.mark.alone
def test_half_requests_do_not_stay(connect, server, http):
    connections = [connect() for _ in range(1000)]
    for connection in connections:
        connection.sendall(GET + b"A: " + b"a" * 1000)
    assert http.get(f"{server.url}/healthz").status_code == 200
    assert {statuses(read_answer(connection))[0] for connection in connections} == {408}


def test_a_body_may_come_slowly_but_not_too_slowly(connect):
    connection = connect()
    text = b'{"text": "%s"}' % (b"a" * 900)
    connection.sendall(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(text))
    for start in range(0, len(text), 100):
        connection.sendall(text[start : start + 100])
        time.sleep(0.05)
    assert statuses(read_answer(connection)) == [200]


def test_bodies_on_their_way_have_so_many_places(connect):
    connections = [connect() for _ in range(60)]
    for connection in connections:
        connection.sendall(POST + b"Content-Length: 900\r\n\r\n" + b" " * 800)
    answers = [read_answer(connection) for connection in connections]
    assert {statuses(answer)[0] for answer in answers} == {408, 503}
    assert sum(statuses(answer) == [408] for answer in answers) == 20
    assert all(b"retry-after" in answer for answer in answers if b" 503 " in answer)


def test_a_body_that_is_too_large_is_refused_whatever_its_framing(connect):
    for request in (POST + b"Content-Length: 2000\r\n\r\n", CHUNKED + b"7d0\r\n"):
        connection = connect()
        connection.sendall(request + b" " * 2000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_requests_that_are_sent_ahead_are_answered_in_turn(connect):
    connection = connect()
    connection.sendall((GET + b"\r\n") * 99 + GET + b"Connection: close\r\n\r\n")
    assert statuses(read_answer(connection)) == [200] * 100


def test_a_fault_does_not_take_the_place_of_an_answer_before_it(connect):
    connection = connect()
    connection.sendall(GET + b"\r\n" + GET + b"A : b\r\n\r\n")
    assert statuses(read_answer(connection)) == [200]


@NEEDS_LINUX
def test_who_does_not_read_any_answer_is_dropped(server, connect):
    """Not only the reader of a stream."""
    connection, request = connect(), GET.replace(b"/healthz", b"/openapi.json") + b"\r\n"
    with contextlib.suppress(TimeoutError):
        for _ in range(1000):
            connection.sendall(request)
            time.sleep(0.001)
    wait_until(lambda: not is_known_to_the_kernel(server.url, connection))


def test_few_requests_that_are_sent_ahead_are_kept(connect, server, http):
    """50 connections with 10,000 requests each took 22 seconds and 1.2 GiB."""
    connections = [connect() for _ in range(50)]
    for connection in connections:
        connection.settimeout(0.1)
        with contextlib.suppress(OSError):
            connection.sendall((GET + b"\r\n") * 10_000)
    begun = time.monotonic()
    assert http.get(f"{server.url}/healthz").status_code == 200
    assert time.monotonic() - begun < 1


def test_what_follows_a_stream_waits_and_does_not_hide_that_its_client_leaves(
    connect, server, http
):
    before = closed(http, server.url, "waits")
    connection = connect()
    connection.sendall(b"GET /waits HTTP/1.1\r\nHost: a\r\n\r\n" + (GET + b"\r\n") * 100)
    while b"first" not in connection.recv(65536):
        pass
    connection.close()
    wait_until_closed(http, server.url, "waits", before + 1)


def test_an_upgrade_to_http_2_is_answered_over_http_1_1(connect):
    connection = connect()
    connection.sendall(GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n" + GET)
    assert statuses(read_answer(connection)) == [200]


def test_trailers_do_not_become_headers(connect):
    connection = connect()
    connection.sendall(CHUNKED + b"2\r\n{}\r\n0\r\nContent-Type: text/plain\r\n\r\n")
    assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def open_streams(connect, addresses: list[str]) -> list[int]:
    found = []
    for address in addresses:
        connection = connect()
        forwarded = f"GET /waits HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {address}\r\n\r\n"
        connection.sendall(forwarded.encode())
        answer = connection.recv(65536)
        found += statuses(answer)
        assert (b"retry-after" in answer) == (found[-1] != 200)
    return found


def test_so_many_streams_are_open_for_one_address(connect):
    """Which is a /64 of IPv6."""
    assert open_streams(connect, ["192.0.2.1"] * 5) == [200] * 4 + [429]


def test_all_addresses_of_one_network_of_ipv6_are_one_client(connect):
    addresses = [f"2001:db8::{number}" for number in range(1, 6)]
    assert open_streams(connect, addresses) == [200] * 4 + [429]


def test_so_many_streams_are_open_in_all(connect):
    addresses = [f"192.0.2.{number}" for number in range(1, 9)]
    assert open_streams(connect, addresses) == [200] * 6 + [503] * 2


def test_a_place_is_free_again_when_a_stream_ends(server, http):
    for _ in range(10):
        before = closed(http, server.url, "waits")
        with http.stream("GET", f"{server.url}/waits") as response:
            assert response.status_code == 200
            next(response.iter_raw())
        wait_until_closed(http, server.url, "waits", before + 1)


STREAM = b"GET /waits HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
FAILING_REQUESTS = {
    "a chunk that is none": (STREAM + b"\r\nZZ\r\n", b""),
    "a chunk that is none, from who waits to be asked": (STREAM + CONTINUE + b"\r\nZZ\r\n", b""),
    "a chunk that is none, later": (STREAM + CONTINUE + b"\r\n", b"ZZ\r\n"),
    "an extension without an end": (STREAM + CONTINUE + b"\r\n5;" + b"a" * 40_000, b""),
    "a body that is too large": (STREAM + b"\r\n", b"800\r\n" + b"a" * 2048 + b"\r\n"),
}


@pytest.mark.parametrize(("sent", "more"), FAILING_REQUESTS.values(), ids=FAILING_REQUESTS.keys())
def test_a_stream_whose_request_fails_ends_while_its_client_stays(
    connect, server, http, sent, more
):
    for _ in range(4):  # as many streams as one address may have
        connection = connect()
        connection.sendall(sent)
        connection.recv(100)
        with contextlib.suppress(OSError):
            connection.sendall(more)
    wait_for(http, server.url, 'streaming_streams_open{module="other"}', 0, SOON_SECONDS)
    with http.stream("GET", f"{server.url}/waits") as response:
        assert response.status_code == 200


def test_who_leaves_at_once_is_no_error_of_the_service(connect, server):
    for _ in range(100):
        connection = connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(b"GET /waits HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.close()
    time.sleep(0.5)
    assert "Traceback" not in server.log


def test_the_docs_list_each_limit_with_a_test_that_drives_it():
    rows = re.findall(r"^\| `(\w+)` .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    limits = re.findall(r"\b(?:min|max|request)_\w+", " ".join(StreamingSettings.model_fields))
    assert set(rows) == {"MAX_BODY_BYTES", *(f"STREAMING_{limit}".upper() for limit in limits)}
    tests = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    assert tests <= set(globals())
