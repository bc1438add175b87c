"""Compression of responses that withholds nothing and keeps validators and ranges right."""

import re
from collections.abc import Iterable
from functools import partial
from http import HTTPStatus

from anyio.to_thread import run_sync
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .codings import CODINGS, Encoder, choose_coding
from .pools import COMPUTING
from .turns import take_turn

COMPRESSIBLE = re.compile(
    r"text/.+|.+\+(json|xml)"
    r"|application/(x-)?([nl]?d?json|json(l|-?lines|-seq)|csv|xml|yaml|javascript)"
)
SMALL_BYTES = 500
TURN_BYTES = 4 * 1024
THREAD_BYTES = 64 * 1024

# What tells of the bytes of the body (RFC 9110, sections 8.6 and 14.3; RFC 9530) is not true of
# the compressed ones.
OF_THE_BYTES = ("Content-Length", "Accept-Ranges", "Content-Digest", "Repr-Digest", "Digest")
# By these a server sends a file by itself, uncompressed.
FILE_EXTENSIONS = {"http.response.pathsend", "http.response.zerocopysend"}


class CompressionMiddleware:
    """Compresses text with the coding that `Accept-Encoding` prefers.

    - The headers are sent as soon as the endpoint sends them, and each chunk is flushed.
    - A compressed response is a representation of its own (RFC 9110, section 8.8.3.3): its ETag
      ends in `-zstd`, `-br` or `-gzip`, and it has no ranges.
    - `Cache-Control: no-transform` and `Content-Encoding` are left to the endpoint. A stream
      (`X-Accel-Buffering: no`) leaves with `no-transform`, so that no proxy collects it.
    - A body that fails stays without the end of its coding.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Headers(scope=scope)
        coding = choose_coding(", ".join(request.getlist("accept-encoding")))
        response = _Response(send, coding, request, is_head=scope["method"] == "HEAD")
        await self.app(_for_endpoint(scope, coding), receive, response.send)


class _Response:
    def __init__(self, send: Send, coding: str | None, request: Headers, *, is_head: bool) -> None:
        self._send = send
        self._coding = coding
        self._request = request
        self._is_head = is_head
        self._new_encoder: type[Encoder] | None = None
        self._encoder: Encoder | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = self._start(message)
        elif message["type"] == "http.response.body" and self._new_encoder:
            message = await self._encode(message, self._new_encoder)
        await self._send(message)

    def _start(self, message: Message) -> Message:
        headers = MutableHeaders(raw=list(message.get("headers", ())))
        status = message["status"]
        if _varies(status, headers):
            if {"accept-encoding", "*"}.isdisjoint(_members(headers.getlist("vary"))):
                headers.add_vary_header("Accept-Encoding")
            if self._coding and status == HTTPStatus.NOT_MODIFIED:
                self._confirm(headers, self._coding)
            elif self._coding and not _is_part(status, headers):
                _describe(headers, self._coding)
                if not self._is_head:
                    self._new_encoder = CODINGS[self._coding]
        if headers.get("x-accel-buffering") == "no" and not _is_fixed(headers):
            directives = [*headers.getlist("cache-control"), "no-transform"]
            headers["Cache-Control"] = ", ".join(directives)
        return {**message, "headers": headers.raw}

    def _confirm(self, headers: MutableHeaders, coding: str) -> None:
        """Let a 304 name the representation that the client has."""
        etag = _suffixed(headers.get("etag", ""), coding)
        if etag.removeprefix("W/") in ", ".join(self._request.getlist("if-none-match")):
            headers["ETag"] = etag

    async def _encode(self, message: Message, new_encoder: type[Encoder]) -> Message:
        body, last = message.get("body", b""), not message.get("more_body", False)
        if not body and not last:
            return message
        if self._encoder is None:  # a stream that has sent nothing yet needs no memory for it
            self._encoder = new_encoder()
        encode = partial(self._encoder.encode, body, last=last)
        if len(body) > THREAD_BYTES:
            return {**message, "body": await run_sync(encode, limiter=COMPUTING)}
        if len(body) > TURN_BYTES:
            await take_turn()
        return {**message, "body": encode()}


def _varies(status: int, headers: Headers) -> bool:
    """Whether the 200 to the same request would be another for another `Accept-Encoding`."""
    if status == HTTPStatus.NO_CONTENT or "content-encoding" in headers or _is_fixed(headers):
        return False
    if status == HTTPStatus.NOT_MODIFIED:  # without a type to judge by
        return True
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    size = int(headers.get("content-length", SMALL_BYTES))
    is_text = COMPRESSIBLE.fullmatch(media_type) is not None
    return is_text and (size >= SMALL_BYTES or _is_part(status, headers))


def _is_part(status: int, headers: Headers) -> bool:
    return status == HTTPStatus.PARTIAL_CONTENT or "content-range" in headers


def _is_fixed(headers: Headers) -> bool:
    return "no-transform" in _members(headers.getlist("cache-control"))


def _members(values: Iterable[str]) -> set[str]:
    return {member.strip().lower() for value in values for member in value.split(",")}


def _describe(headers: MutableHeaders, coding: str) -> None:
    headers["Content-Encoding"] = coding
    for name in OF_THE_BYTES:
        del headers[name]
    if etag := headers.get("etag"):
        headers["ETag"] = _suffixed(etag, coding)


def _suffixed(etag: str, coding: str) -> str:
    return etag.removesuffix('"') + f'-{coding}"'


def _for_endpoint(scope: Scope, coding: str | None) -> Scope:
    """The request as an endpoint can answer it that knows nothing of codings."""
    headers = MutableHeaders(raw=list(scope["headers"]))
    if _wants_range_of_compressed(headers, coding):
        del headers["Range"]  # RFC 9110, section 14.2: the whole is always a right answer
    # Any of our ETags stands for the state of the resource, but only that of `coding` for a
    # representation that this client can decode.
    _add_plain_etags(headers, "If-Match", CODINGS)
    _add_plain_etags(headers, "If-None-Match", [coding] if coding else [])
    if headers.raw != scope["headers"]:
        scope = {**scope, "headers": headers.raw}
    extensions = scope.get("extensions") or {}
    if coding and not FILE_EXTENSIONS.isdisjoint(extensions):
        rest = {name: extensions[name] for name in extensions.keys() - FILE_EXTENSIONS}
        scope = {**scope, "extensions": rest}
    return scope


def _wants_range_of_compressed(headers: Headers, coding: str | None) -> bool:
    """Whether a range of the file would be joined to compressed bytes.

    A date in `If-Range` does not tell, so it counts for a client that accepts a coding.
    """
    condition = headers.get("if-range", "")
    is_date = condition != "" and not condition.endswith('"')
    return (is_date and coding is not None) or any(
        f'-{name}"' in condition + headers.get("if-match", "") for name in CODINGS
    )


def _add_plain_etags(headers: MutableHeaders, name: str, codings: Iterable[str]) -> None:
    etags = ", ".join(headers.getlist(name))
    plain = etags
    for coding in codings:
        plain = plain.replace(f'-{coding}"', '"')
    if plain != etags:
        headers[name] = f"{etags}, {plain}"
