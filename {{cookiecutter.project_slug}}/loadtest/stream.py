"""One request for a stream: what arrives, as it arrives, and when."""

from collections.abc import Iterator
from http import HTTPStatus
from time import perf_counter
from typing import Any

import gevent
from locust.contrib.fasthttp import FastHttpSession

CHUNK_BYTES = 64 * 1024
AS_IT_IS = {"Accept-Encoding": "identity"}  # Locust asks for codings, but decodes no stream


class Dropped(Exception):
    """The user lets go of its stream."""


class Unfinished(Exception):
    """The stream has no end long after it should have one."""


class Failed(Exception):
    """There is no stream: no connection, or a status that is an error."""


class Cut(Exception):
    """The stream ends without what its format ends with."""


class Stream:
    """Yields the pieces of a body.

    `first_byte`, `gap` (the longest pause after it) and `seconds` are in seconds; of a stream that
    was left, they are what it has taken until then. A pause of `every` seconds is none.
    """

    def __init__(self, client: FastHttpSession, path: str, headers: dict[str, str]) -> None:
        self._client, self._path, self._headers = client, path, AS_IT_IS | headers
        self._response: Any = None
        self._asked = self._seen = perf_counter()
        self._first: float | None = None
        self._longest = 0.0
        self.bytes_per_second: float | None = None
        self.every = 0.0
        self.pieces = 0
        self.bytes = 0

    def _open(self) -> Any:
        response = self._client.get(self._path, headers=self._headers, stream=True)
        if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            raise Failed(getattr(response, "error", None) or f"status {response.status_code}")
        self._response = response._response
        return self._response

    def __iter__(self) -> Iterator[bytes]:
        """Raises `Failed` when there is no stream."""
        response = self._open()
        # The `read` of geventhttpclient would wait until it has as much as was asked for.
        while True:
            if piece := bytes(response._body_buffer):
                response._body_buffer.clear()
                self._arrived(len(piece))
                yield piece
                if self.bytes_per_second:
                    gevent.sleep(len(piece) / self.bytes_per_second)
            if response.message_complete:
                return
            response.feed(response._sock.recv(CHUNK_BYTES))

    def _arrived(self, size: int) -> None:
        now = perf_counter()
        if self._first is None:
            self._first = now
        else:
            self._longest = max(self._longest, now - self._seen)
        self._seen = now
        self.pieces += 1
        self.bytes += size

    def close(self) -> None:
        self._closed = perf_counter()
        if self._response is not None:
            self._response.release()

    @property
    def first_byte(self) -> float:
        return (self._first or self._closed) - self._asked

    @property
    def gap(self) -> float:
        longest = max(self._longest, self._closed - self._seen) if self._first else 0.0
        return max(0.0, longest - self.every)

    @property
    def seconds(self) -> float:
        return self._closed - self._asked
