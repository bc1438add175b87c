"""Files that the kernel sends by itself, without a copy in this process."""

import asyncio
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Protocol

from anyio.to_thread import run_sync

from .pools import FILES

# The extension of ASGI, and its message.
ZERO_COPY = "http.response.zerocopysend"
# Others get their turn in between.
TURN_BYTES = 1024 * 1024
PIECE_BYTES = 4 * TURN_BYTES
# What Linux reads from a disk at once, by default.
WINDOW_BYTES = 128 * 1024
BUFFERS = ("tcp_rmem", "tcp_wmem")
USUAL_BUFFERS = 10 * 1024 * 1024


class HasFileno(Protocol):
    def fileno(self) -> int: ...


async def send_file(connection: HasFileno, file: HasFileno, offset: int, count: int) -> None:
    """Send bytes of `file` on a socket that the event loop has a transport for, but no bytes.

    What is not in memory is read in a thread before. Raises `EOFError` where the file is shorter,
    and `OSError` where the client has left.
    """
    for start in range(offset, offset + count, PIECE_BYTES):
        size = min(PIECE_BYTES, offset + count - start)
        if not _is_in_memory(file, start, size):
            await run_sync(_load, file, start, size, limiter=FILES)
        await _send(connection, file, start, size)


async def _send(connection: HasFileno, file: HasFileno, offset: int, count: int) -> None:
    loop = asyncio.get_running_loop()
    # A loop lets nobody else watch what it has a transport for.
    copy = os.dup(connection.fileno())
    sent_all = loop.create_future()
    end = offset + count

    def send_some() -> None:
        nonlocal offset
        if sent_all.done():  # cancelled
            return
        try:
            sent = os.sendfile(copy, file.fileno(), offset, min(end - offset, TURN_BYTES))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            loop.remove_writer(copy)
            sent_all.set_exception(error)
            return
        offset += sent
        if not sent or offset == end:
            loop.remove_writer(copy)
            sent_all.set_result(None)

    loop.add_writer(copy, send_some)
    try:
        await sent_all
    finally:
        loop.remove_writer(copy)
        os.close(copy)
    if offset < end:
        raise EOFError(f"The file ends {end - offset} bytes too early.")


def _is_in_memory(file: HasFileno, offset: int, count: int) -> bool:
    """By a byte of each window; where the system cannot tell, nothing is."""
    try:
        places = range(offset, offset + count, WINDOW_BYTES)
        return all(os.preadv(file.fileno(), [bytearray(1)], p, os.RWF_NOWAIT) for p in places)
    except OSError:
        return False


def _load(file: HasFileno, offset: int, count: int) -> None:
    window = bytearray(WINDOW_BYTES)
    for place in range(offset, offset + count, WINDOW_BYTES):
        os.preadv(file.fileno(), [window], place)


@cache
def bytes_on_the_way() -> int:
    """The most that a client on this machine may have been sent, and not read.

    The kernel hands on pages of the file and not copies of them: what is written to the file before
    they are read changes what was sent.
    """
    with suppress(OSError):
        buffers = [Path("/proc/sys/net/ipv4", name).read_text() for name in BUFFERS]
        return sum(int(buffer.split()[-1]) for buffer in buffers)
    return USUAL_BUFFERS
