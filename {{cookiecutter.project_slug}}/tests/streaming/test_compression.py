import asyncio
import json
import os
import socket
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import brotli
import httpx2
import pytest

from {{ cookiecutter.package_name }}.streaming import (
    codings,
    compression,
)

APP = "tests.streaming.compressed_app:app"
CSV = "".join(f"{number},sensor-{number % 7},Zürich\n" for number in range(100_000)).encode()
STREAMS = 200
STATE_KIB = 128

each_coding = pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
each_or_none = pytest.mark.parametrize("coding", ["zstd", "br", "gzip", "identity"])


class Decoder:
    """Decodes what comes of a body, as soon as it comes."""

    def __init__(self, coding: str) -> None:
        match coding:
            case "zstd":
                decoder = codings.zstd.ZstdDecompressor()
                self.decode, self.is_complete = decoder.decompress, lambda: decoder.eof
            case "br":
                brotli_decoder = brotli.Decompressor()
                process, self.is_complete = brotli_decoder.process, brotli_decoder.is_finished
                # It gives the rest of a large output only when it is asked again.
                self.decode = lambda data: process(data) + b"".join(iter(lambda: process(b""), b""))
            case "gzip":
                decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
                self.decode, self.is_complete = decoder.decompress, lambda: decoder.eof
            case "identity":
                self.decode, self.is_complete = bytes, lambda: True


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "readings.csv").write_bytes(CSV)
    (folder / "noise.bin").write_bytes(CSV)
    return folder


@pytest.fixture(scope="module")
def url(serve, files) -> Iterator[str]:
    with serve(APP, FILES=str(files)) as server:
        yield server.url


@pytest.fixture
def get(http, url) -> Callable[..., httpx2.Response]:
    """Get a path with `Accept-Encoding`, and raw: `content` is as it came."""

    def get_raw(path: str, coding: str, method: str = "GET", **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Accept-Encoding"] = coding
        with http.stream(method, url + path, headers=named) as response:
            response._content = b"".join(response.iter_raw())
        return response

    return get_raw


def answer(**parameters: object) -> str:
    return f"/answer?{urlencode(parameters, doseq=True)}"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("zstd;q=0.5, br;q=0.8, gzip;q=0.9", "gzip"),
        ("zstd;q=0.1, gzip;q=0.001", "zstd"),
        ("zstd;q=0, br;q=0, *", "gzip"),
        ("*", "zstd"),
        ("gzip;q=0.2, *;q=0.1", "gzip"),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("identity, gzip;q=0.5", None),
        ("identity", None),
        ("gzip;q=0", None),
        ("*;q=0", None),
        ("identity;q=0", None),
        ("deflate, compress", None),
        ("", None),
    ],
)
def test_the_coding_that_a_client_prefers_is_chosen(get, accepted, coding):
    response = get("/answer", accepted)
    assert response.headers.get("content-encoding") == coding
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "accepted", ["gzip;q=", "gzip;q=abc", "gzip;q=9", ";;,,=", 'gzip;a="', "gzip;q*0=x'y", "\xff"]
)
def test_a_header_that_makes_no_sense_fails_no_request(get, accepted):
    assert get("/answer", accepted.encode("latin-1")).status_code == 200


def test_a_request_without_the_header_gets_identity(http, url):
    request = http.build_request("GET", f"{url}/answer")
    del request.headers["Accept-Encoding"]
    assert "content-encoding" not in http.send(request).headers


@pytest.mark.alone
@each_or_none
def test_every_chunk_comes_at_once(http, url, coding):
    decoder, delays, text = Decoder(coding), [], b""
    with http.stream("GET", f"{url}/ticks", headers={"Accept-Encoding": coding}) as response:
        for chunk in response.iter_raw():
            text += decoder.decode(chunk)
            for line in text.splitlines()[len(delays) :]:
                delays.append(time.monotonic() - json.loads(line)["at"])
    assert len(delays) == 5
    assert max(delays) < 0.1  # they are 0.2 s apart


@each_coding
@pytest.mark.parametrize("size", [1, 1000, 65_536, 65_537, 1_000_000])
def test_a_chunk_of_any_size_is_flushed_whole(coding, size):
    encoder, decoder = codings.CODINGS[coding](), Decoder(coding)
    for chunk in (os.urandom(size), b"a" * size, CSV[:size]):
        assert decoder.decode(encoder.encode(chunk, last=False)) == chunk


@each_or_none
def test_headers_come_before_the_first_chunk(http, url, coding):
    with http.stream("GET", f"{url}/silent", headers={"Accept-Encoding": coding}) as response:
        assert response.headers.get("content-encoding", "identity") == coding


@each_coding
def test_a_body_is_complete_and_the_same(get, coding):
    for path, body in (("/static/readings.csv", CSV), ("/answer", b"a" * 1000), ("/empty", b"")):
        response = get(path, coding)
        decoder = Decoder(coding)
        assert decoder.decode(response.content) == body
        assert decoder.is_complete()
        assert response.headers["content-encoding"] == coding
        assert len(body) == 0 or len(response.content) < len(body) / 2


@pytest.mark.parametrize(
    "type",
    [
        "application/jsonl",
        "application/x-ndjson",
        "text/csv; charset=utf-8",
        "application/json",
        "text/event-stream",
        "application/problem+json",
        "text/html",
        "text/javascript",
        "text/css",
        "image/svg+xml",
        "Application/JSON",
    ],
)
def test_text_is_compressed(get, type):
    assert get(answer(type=type), "zstd").headers["content-encoding"] == "zstd"


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "application/vnd.apache.parquet"},
        {"type": "application/vnd.apache.arrow.stream"},
        {"type": "application/octet-stream"},
        {"type": "image/png"},
        {"size": 499},
        {"header": "Cache-Control: private, No-Transform"},
        {"header": "Content-Encoding: compress"},
    ],
)
def test_what_is_not_compressed_is_left_as_it_is(get, parameters):
    compressed, plain = (get(answer(**parameters), coding) for coding in ("zstd", "identity"))
    assert "vary" not in compressed.headers
    del compressed.headers["date"], plain.headers["date"]
    assert (compressed.headers, compressed.content) == (plain.headers, plain.content)


def test_a_response_without_a_body_has_no_coding(get):
    for status in (204, 304):
        assert "content-encoding" not in get(answer(status=status, size=0), "zstd").headers


def test_an_error_is_compressed_as_well(get):
    assert get(answer(status=500), "zstd").headers["content-encoding"] == "zstd"


def test_vary_names_each_header_once(get):
    for vary, expected in (("Accept", "Accept, Accept-Encoding"), ("accept-encoding", None)):
        response = get(answer(header=f"Vary: {vary}"), "gzip")
        assert response.headers["vary"] == (expected or vary)


@each_or_none
def test_head_has_the_headers_of_get(get, coding):
    for path in ("/static/readings.csv", "/static/noise.bin", "/answer", answer(size=10)):
        head, whole = get(path, coding, "HEAD"), get(path, coding)
        assert head.content == b""
        for response in (head, whole):
            del response.headers["date"]
            response.headers.pop("transfer-encoding", None)  # it is of the message, not the file
        assert head.headers == whole.headers


@each_coding
def test_a_compressed_file_has_an_etag_of_its_own_and_no_ranges(get, coding):
    plain, compressed = (get("/static/readings.csv", name).headers for name in ("identity", coding))
    assert compressed["etag"] == f'{plain["etag"][:-1]}-{coding}"'
    assert plain["accept-ranges"] == "bytes"
    assert not {"accept-ranges", "content-length"} & set(compressed)
    assert compressed["last-modified"] == plain["last-modified"]


def test_a_weak_etag_stays_weak(get):
    response = get(answer(header='ETag: W/"1"'), "br")
    assert response.headers["etag"] == 'W/"1-br"'


def test_a_digest_of_other_bytes_is_not_sent(get):
    for name in ("Repr-Digest", "Content-Digest"):
        path = answer(header=f"{name}: sha-256=:YQ==:")
        assert name in get(path, "identity").headers
        assert name not in get(path, "gzip").headers


@each_or_none
def test_a_client_that_has_the_file_gets_304_for_what_it_has(get, coding):
    etag = get("/static/readings.csv", coding).headers["etag"]
    for condition in (etag, f'"other", W/{etag}'):
        response = get("/static/readings.csv", coding, If_None_Match=condition)
        assert (response.status_code, response.content) == (304, b"")
        assert (response.headers["etag"], response.headers["vary"]) == (etag, "Accept-Encoding")


def test_a_representation_that_a_client_cannot_decode_is_not_confirmed(get):
    etag = get("/static/readings.csv", "zstd").headers["etag"]
    for coding in ("gzip", "identity"):
        response = get("/static/readings.csv", coding, If_None_Match=etag)
        assert response.status_code == 200
        assert response.headers.get("content-encoding", "identity") == coding


def test_a_client_that_has_the_plain_file_gets_304_for_that(get):
    etag = get("/static/readings.csv", "identity").headers["etag"]
    response = get("/static/readings.csv", "zstd", If_None_Match=etag)
    assert (response.status_code, response.headers["etag"]) == (304, etag)


def test_a_change_is_accepted_whatever_coding_the_state_was_read_in(http, url):
    def put(etag: str) -> int:
        return http.put(f"{url}/state", headers={"If-Match": etag}).status_code

    assert [put('"1"'), put('"1-zstd"'), put('"0", "1-gzip"')] == [200, 200, 200]
    assert [put('"2-zstd"'), put('"1-other"')] == [412, 412]


@each_coding
@pytest.mark.parametrize("again", ["zstd", "br", "gzip", "identity"])
@pytest.mark.parametrize("condition", ["If_Range", "If_Match"])
def test_a_download_that_began_compressed_is_never_joined_to_plain_bytes(
    get, coding, again, condition
):
    whole = get("/static/readings.csv", coding)
    part = whole.content[:10_000]
    conditions = {condition: whole.headers["etag"]}
    rest = get("/static/readings.csv", again, Range=f"bytes={len(part)}-", **conditions)
    assert rest.status_code == 200
    assert Decoder(again).decode(rest.content) == CSV


@each_coding
def test_a_date_does_not_make_a_range_of_a_compressed_file(get, coding):
    whole = get("/static/readings.csv", coding)
    date = whole.headers["last-modified"]
    rest = get("/static/readings.csv", coding, Range="bytes=10000-", If_Range=date)
    assert (rest.status_code, Decoder(coding).decode(rest.content)) == (200, CSV)


@each_or_none
def test_a_download_that_began_plain_is_resumed(get, coding):
    etag = get("/static/readings.csv", "identity").headers["etag"]
    for conditions in ({}, {"If_Range": etag}, {"If_Match": etag}):
        for range, part in (("10000-", CSV[10_000:]), ("10-19", CSV[10:20])):
            rest = get("/static/readings.csv", coding, Range=f"bytes={range}", **conditions)
            assert (rest.status_code, rest.content) == (206, part)
            assert (rest.headers["etag"], rest.headers["vary"]) == (etag, "Accept-Encoding")
            assert "content-encoding" not in rest.headers


def test_a_range_that_there_is_not_keeps_its_416(get):
    response = get("/static/readings.csv", "zstd", Range=f"bytes={len(CSV)}-")
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(CSV)}"


@each_or_none
def test_no_proxy_may_transform_a_stream(get, coding):
    assert get("/ticks", coding).headers["cache-control"] == "no-store, no-transform"
    stream = answer(header=["X-Accel-Buffering: no", "Cache-Control: no-cache"])
    response = get(stream, coding)
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers.get("content-encoding", "identity") == coding


@each_coding
def test_a_stream_that_fails_stays_without_its_end(http, url, coding):
    decoder = Decoder(coding)
    headers = {"Accept-Encoding": coding}
    with http.stream("GET", f"{url}/fails-later", headers=headers) as response:
        chunks = response.iter_raw()
        assert decoder.decode(next(chunks)) == b"a" * 1000
        with pytest.raises(httpx2.RemoteProtocolError):
            next(chunks)
    assert not decoder.is_complete()


def ask(endpoint: Any, method: str, accepted: str, extensions: Any) -> list[Any]:
    """Put the middleware before an ASGI app, and return what it sends to the server."""
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        messages.append(message)

    headers = [(b"accept-encoding", accepted.encode())]
    scope = {"type": "http", "method": method, "headers": headers, "extensions": extensions}
    asyncio.run(compression.CompressionMiddleware(endpoint)(scope, receive, send))
    return messages


def test_a_server_that_sends_files_by_itself_may_not_when_they_are_compressed():
    seen: list[list[str]] = []

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        seen.append(list(scope["extensions"]))

    for accepted in ("identity", "gzip"):
        ask(endpoint, "GET", accepted, {"http.response.pathsend": {}, "tls": {}})
    assert seen == [["http.response.pathsend", "tls"], ["tls"]]


def test_the_server_gets_no_body_to_send_for_head():
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})

    start, body = ask(endpoint, "HEAD", "gzip", {})
    assert (b"content-encoding", b"gzip") in start["headers"]
    assert body.get("body", b"") == b""


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("coding", ["br", "gzip"])  # a second of work; zstd is too fast to tell
def test_others_are_served_while_a_large_chunk_is_compressed(http, url, coding):
    headers = {"Accept-Encoding": coding}
    waits = []
    with http.stream("GET", f"{url}/large-chunk", headers=headers) as response:
        chunks = response.iter_raw()
        for _ in range(10):
            started = time.monotonic()
            http.get(f"{url}/closed")
            waits.append(time.monotonic() - started)
        next(chunks)
    assert max(waits) < 0.2


def open_streams(url: str, coding: str, count: int, streams: ExitStack) -> None:
    """Open idle streams on sockets of their own, each after 192 KiB of data."""
    host, _, port = url.removeprefix("http://").partition(":")
    request = f"GET /idle HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: {coding}\r\n\r\n"
    for _ in range(count):
        connection = streams.enter_context(socket.create_connection((host, int(port)), timeout=10))
        connection.sendall(request.encode())
        reader = streams.enter_context(connection.makefile("rb"))
        while reader.readline() != b"\r\n":
            pass
        decoder, size = Decoder(coding), 0
        while size < 3 * 65536:
            length = int(reader.readline(), 16)
            size += len(decoder.decode(reader.read(length)))
            reader.readline()


def memory_kib(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.fixture(scope="module")
def stream_kib(serve, files) -> Callable[[str], float]:
    """Measure what an open stream takes, with a coding, in a server that has no other."""

    def measure(coding: str) -> float:
        with serve(APP, FILES=str(files)) as server, ExitStack() as streams:
            open_streams(server.url, coding, 20, streams)
            before = memory_kib(server.process.pid)
            open_streams(server.url, coding, STREAMS, streams)
            return (memory_kib(server.process.pid) - before) / STREAMS

    return measure


@pytest.fixture(scope="module")
def plain_stream_kib(stream_kib) -> float:
    return stream_kib("identity")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@each_coding
def test_an_open_stream_keeps_little_memory(stream_kib, plain_stream_kib, coding):
    kib = stream_kib(coding)
    print(f"{coding}: {kib:.0f} KiB, identity: {plain_stream_kib:.0f} KiB")
    assert kib - plain_stream_kib < STATE_KIB
