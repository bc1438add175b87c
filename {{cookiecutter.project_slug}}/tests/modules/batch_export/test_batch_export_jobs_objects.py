"""Segments whose bucket is not there."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from {{ cookiecutter.package_name }}.modules.batch_export.jobs.objects import (
    SegmentObjects,
)
from {{ cookiecutter.package_name }}.modules.batch_export.jobs.storage import (
    StorageFailed,
)

NO_BUCKET = b"<Error><Code>NoSuchBucket</Code></Error>"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(404)
        self.send_header("Content-Length", str(len(NO_BUCKET)))
        self.end_headers()
        self.wfile.write(NO_BUCKET)

    do_PUT = do_POST = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def segments(monkeypatch) -> Iterator[SegmentObjects]:
    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "any")
    yield SegmentObjects("s3://nowhere/exports")
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_bucket_that_is_not_there_is_a_storage_that_has_failed(segments):
    async def test() -> None:
        for ask in (segments.jobs(), segments.names("0" * 32)):
            with pytest.raises(StorageFailed):
                await ask
        writer = await segments.create("0" * 32, "1-1.csv")
        await writer.write(b"id\n")
        with pytest.raises(StorageFailed):
            await writer.finish(0)
        await writer.discard()
        await segments.remove("0" * 32)

    asyncio.run(test())
