"""Requests as they are written, over a socket: no client puts a path or a header right."""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser

import httpx2

READ_BYTES = 1024 * 1024


@dataclass
class Answer:
    status: int
    headers: Message
    body: bytes = field(repr=False)

    @property
    def parts(self) -> list[tuple[str, bytes]]:
        """`Content-Range` and bytes of each part."""
        if self.headers.get_content_type() != "multipart/byteranges":
            return [(self.headers["Content-Range"], self.body)]
        boundary = re.escape(self.headers.get_boundary("").encode())
        parts = re.split(rb"(?:^|\r\n)--%b(?:--)?\r\n" % boundary, self.body)
        assert parts[0] == parts[-1] == b""
        heads, bodies = zip(*(part.split(b"\r\n\r\n", 1) for part in parts[1:-1]), strict=True)
        return [
            (parse_head(head)["Content-Range"], body)
            for head, body in zip(heads, bodies, strict=True)
        ]


def ask(url: str, path: str, *headers: str, method: str = "GET", version: str = "1.1") -> Answer:
    """Send one request and read all that comes."""
    with connect(url) as connection:
        connection.sendall(
            request(path, *headers, "Connection: close", method=method, version=version)
        )
        return parse(read_all(connection))


def connect(url: str) -> socket.socket:
    address = httpx2.URL(url)
    return socket.create_connection((address.host, address.port), timeout=20)


def request(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    lines = (f"{method} {path} HTTP/{version}", "Host: localhost", *headers)
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(READ_BYTES), b""))


def read_answers(connection: socket.socket, methods: Iterable[str]) -> list[Answer]:
    """The answers to requests of such methods, on one connection."""
    received = bytearray()
    answers = []
    for method in methods:
        while b"\r\n\r\n" not in received:
            received += _receive(connection)
        head, _, rest = bytes(received).partition(b"\r\n\r\n")
        received = bytearray(rest)
        answer = parse(head + b"\r\n\r\n")
        size = 0 if method == "HEAD" else int(answer.headers.get("Content-Length", 0))
        while len(received) < size:
            received += _receive(connection)
        answer.body = bytes(received[:size])
        del received[:size]
        answers.append(answer)
    assert not received
    return answers


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(READ_BYTES)
    assert data, "the connection has ended"
    return data


def parse(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    return Answer(int(line.split()[1]), parse_head(fields), body)


def parse_head(fields: bytes) -> Message:
    return BytesParser().parsebytes(fields.strip() + b"\r\n\r\n", headersonly=True)
