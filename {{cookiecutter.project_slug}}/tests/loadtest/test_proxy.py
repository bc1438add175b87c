"""What the proxy does is what it was asked for, neither less nor, in the best try, much more."""

import asyncio
import contextlib
import math
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2
import pytest

from loadtest.proxy import CLEAN, RESET_ON_CLOSE, Toxics, proxy, proxy_in_thread
from tests.streaming.fixtures import PROJECT
from tests.streaming.waiting import wait_until

REQUEST = b"how much?"
MIB = 1024 * 1024
TRIES = 50
PATIENCE_SECONDS = 30

pytestmark = pytest.mark.alone


class Answer(NamedTuple):
    body: bytes
    pieces: int
    first_byte: float
    seconds: float
    error: type[Exception] | None


@contextlib.asynccontextmanager
async def source(
    size: int, *, resets: bool = False, taken: list[int] | None = None
) -> AsyncGenerator[str]:
    """Answer each request with `size` bytes, and then an end or a reset.

    The sizes of what was taken from it go to `taken`.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readexactly(len(REQUEST))
            for start in range(0, size, MIB):
                writer.write(bytes(min(MIB, size - start)))
                await writer.drain()
                if taken is not None:
                    taken.append(MIB)
            if resets:
                connection = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(REQUEST)
    return reader, writer


async def ask(url: str) -> Answer:
    begun = time.monotonic()
    reader, writer = await connect(url)
    pieces, first_byte, error = [], math.inf, None
    try:
        while piece := await reader.read(MIB):
            first_byte = min(first_byte, time.monotonic() - begun)
            pieces.append(piece)
    except ConnectionError as raised:
        error = type(raised)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    seconds = time.monotonic() - begun
    return Answer(b"".join(pieces), len(pieces), first_byte, seconds, error)


async def answers(size: int, down: Toxics, up: Toxics = CLEAN, tries: int = 1) -> list[Answer]:
    async with source(size) as url, proxy(url, down, up) as hop, asyncio.timeout(PATIENCE_SECONDS):
        return await asyncio.gather(*(ask(hop.url) for _ in range(tries)))


def in_one_of_some_tries(asked: float, measure: Callable[[], float]) -> None:
    """It never takes less than asked; that it takes longer may be the fault of the machine."""
    for _ in range(TRIES):
        taken = measure()
        assert taken > asked * 0.95
        if taken < asked * 1.1:
            return
    pytest.fail(f"{taken} s where {asked} were asked for")


@pytest.mark.parametrize(
    ("asked", "down", "up"),
    [
        (0.1, Toxics(latency=0.1), CLEAN),
        (0.1, CLEAN, Toxics(latency=0.1)),
        (0.1, Toxics(latency=0.06), Toxics(latency=0.04)),
    ],
)
def test_the_first_byte_is_as_late_as_asked(asked, down, up):
    in_one_of_some_tries(asked, lambda: asyncio.run(answers(1000, down, up))[0].first_byte)


def test_jitter_makes_latency_more_and_less():
    toxics = Toxics(latency=0.1, jitter=0.1)
    taken = [each.first_byte for each in asyncio.run(answers(1000, toxics, tries=10))]
    assert max(taken) - min(taken) > 0.02
    assert min(taken) < 0.18


@pytest.mark.parametrize("latency", [0, 0.1])
@pytest.mark.parametrize("bandwidth", [20_000, 1_000_000])
def test_a_line_carries_what_was_asked(bandwidth, latency):
    size, toxics = bandwidth // 4, Toxics(bandwidth=bandwidth, latency=latency)
    in_one_of_some_tries(0.25 + latency, lambda: asyncio.run(answers(size, toxics))[0].seconds)


def test_latency_takes_no_bandwidth():
    """Were one piece on its way at a time, this would take longer than anybody waits."""
    (answer,) = asyncio.run(answers(32 * MIB, Toxics(latency=0.5, jitter=0.2)))
    assert len(answer.body) == 32 * MIB


@pytest.mark.parametrize(
    ("toxics", "most", "error"),
    [
        (Toxics(cut_after=0), 0, ConnectionResetError),
        (Toxics(cut_after=7), 7, ConnectionResetError),
        (Toxics(cut_after=7, cut_with="end"), 7, None),
        (Toxics(cut_after=300_000, cut_with="end"), 300_000, None),
        (Toxics(cut_after=300_000, split=9000, cut_with="end"), 300_000, None),
        (Toxics(cut_after=10, latency=0.1, bandwidth=100, cut_with="end"), 10, None),
        (Toxics(cut_after=2_000_000), 1_000_000, None),
        (Toxics(cut_after=7, cuts=0), 1_000_000, None),
        (Toxics(close_after=0.2), 1_000_000, None),
        (Toxics(split=5000, jitter=0.01), 1_000_000, None),
    ],
)
def test_an_answer_ends_where_and_how_it_was_asked(toxics, most, error):
    (answer,) = asyncio.run(answers(1_000_000, toxics))
    assert (len(answer.body), answer.error) == (most, error)
    assert answer.seconds >= toxics.close_after


def test_a_cut_is_anywhere_in_a_range():
    toxics = Toxics(cut_after=range(1000, 100_000), cut_with="end")
    places = {len(each.body) for each in asyncio.run(answers(200_000, toxics, tries=10))}
    assert len(places) > 1
    assert places <= set(range(1000, 100_000))


def test_pieces_arrive_on_their_own():
    (answer,) = asyncio.run(answers(1000, Toxics(split=100, latency=0.1, jitter=0.1)))
    assert len(answer.body) == 1000
    assert answer.pieces > 3


def test_silence_lasts_until_the_client_leaves_and_is_then_over():
    async def run() -> None:
        toxics = Toxics(cut_after=7, cut_with="silence")
        async with source(1000) as url, proxy(url, toxics) as hop:
            reader, writer = await connect(hop.url)
            assert await reader.readexactly(7)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.2)
            assert (hop.open, hop.cuts) == (1, 1)
            writer.close()
            await asyncio.to_thread(wait_until, lambda: not hop.open, PATIENCE_SECONDS)

    asyncio.run(run())


def test_toxics_change_while_it_runs():
    async def run() -> None:
        async with source(1000) as url, proxy(url, Toxics(cut_after=7, cuts=2)) as hop:
            assert [len((await ask(hop.url)).body) for _ in range(3)] == [7, 7, 1000]
            hop.down = Toxics(cut_after=5, cut_with="end")
            assert len((await ask(hop.url)).body) == 5
            assert (hop.connections, hop.cuts) == (4, 3)
            assert hop.sent == {"down": 7 + 7 + 1000 + 5, "up": 4 * len(REQUEST)}

    asyncio.run(run())


def test_a_reset_of_the_service_is_one_for_the_client():
    async def run() -> None:
        async with source(1000, resets=True) as url, proxy(url, Toxics(latency=0.1)) as hop:
            answer = await ask(hop.url)
            assert (len(answer.body), answer.error) == (1000, ConnectionResetError)

    asyncio.run(run())


def test_nobody_behind_it_is_a_reset(http):
    with proxy_in_thread("http://127.0.0.1:9") as hop, pytest.raises(httpx2.NetworkError):
        http.get(hop.url)


def test_code_that_does_not_await_can_use_it(service, http):
    # --8<-- [start:library]
    with proxy_in_thread(service, Toxics(cut_after=range(1, 100), cuts=2)) as bad:
        for _ in range(2):
            with pytest.raises(httpx2.TransportError):
                http.get(f"{bad.url}/healthz")
        assert http.get(f"{bad.url}/healthz").is_success
        assert bad.cuts == 2
    # --8<-- [end:library]


def test_a_reader_that_stops_stops_the_service():
    async def run() -> None:
        taken: list[int] = []
        toxics = Toxics(latency=0.05)
        async with source(512 * MIB, taken=taken) as url, proxy(url, toxics) as hop:
            reader, writer = await connect(hop.url)
            await reader.readexactly(1)
            before = -1
            while len(taken) > before:
                before = len(taken)
                await asyncio.sleep(0.5)
            assert sum(taken) < 128 * MIB
            writer.close()

    asyncio.run(run())


@pytest.mark.slow
def test_it_is_a_program():
    command = [sys.executable, "-m", "loadtest.proxy", "--cut-after", "7", "http://127.0.0.1:9"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline().endswith(" passes on to http://127.0.0.1:9\n")
        program.kill()
