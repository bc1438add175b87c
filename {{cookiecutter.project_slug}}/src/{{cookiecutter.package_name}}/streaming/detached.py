"""Streams that outlive their endpoints: their bytes are written straight to their connections."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from .metrics import End, StreamFigures
from .patience import Patience
from .settings import CHUNK_BYTES
from .shutdown import Stage, drain

if TYPE_CHECKING:
    from .server import Connection

LAST_CHUNK = b"0\r\n\r\n"


def as_chunk(data: bytes) -> bytes:
    """What `DetachedStream.write` takes (RFC 9112, section 7.1); one serves any number of streams.

    A chunk of no bytes would end the body.
    """
    assert data  # noqa: S101
    return b"%x\r\n%b\r\n" % (len(data), data)


class DetachedStream:
    """What `Delivery.detach` leaves of a response: no task, no frames, no request.

    `write` never waits. `on_full` is called when more than 64 KiB wait for the reader, and
    `on_left`, once, when the connection is lost.
    """

    __slots__ = (
        "_connection",
        "_end",
        "_leave",
        "_patience",
        "figures",
        "on_full",
        "on_left",
        "write",
    )

    def __init__(
        self, connection: "Connection", figures: StreamFigures, leave: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._leave = leave
        self._patience: Patience | None = None
        self._end: End | None = None
        self.figures = figures
        self.write: Callable[[bytes], None] = connection.transport.write
        self.on_full: Callable[[], None] = lambda: None
        self.on_left: Callable[[], None] = lambda: None

    @property
    def has_ended(self) -> bool:
        return self._end is not None

    async def send(self, data: bytes) -> None:
        """Write part by part, each when there is room for it."""
        for start in range(0, len(data), CHUNK_BYTES):
            part = data[start : start + CHUNK_BYTES]
            self.write(as_chunk(part))
            self.figures.count_bytes(len(part))
            await self.wait()

    async def wait(self) -> None:
        """Return once there is room again; a reader that is too slow is dropped, see `Patience`."""
        if self.has_ended or not self._connection.flow.write_paused:
            return
        if self._patience is None:
            self._patience = Patience(self._count_taken, partial(self._abort, "too_slow"))
        undo = [
            drain.call(self._connection.hand_over, Stage.OVER),
            drain.call(partial(self._abort, "shutdown"), Stage.ENDING),
        ]
        try:
            with self._patience:
                await self._connection.flow.drain()
        finally:
            for forget in undo:
                forget()

    def end(self, last_words: bytes) -> None:
        """End the stream, because the process does."""
        self.write(as_chunk(last_words) + LAST_CHUNK)
        self._connection.close()
        self.close("shutdown")

    def close(self, end: End) -> None:
        """Say how the stream has ended; the first word counts."""
        if self._end is None:
            self._end = end
            self.on_left()
            self.figures.close(end)
            self._leave()

    def _count_taken(self) -> int:
        unsent = self._connection.transport.get_write_buffer_size()
        return self._connection.count_taken() or -unsent

    def _abort(self, end: End) -> None:
        self._connection.abort()
        self.close(end)
