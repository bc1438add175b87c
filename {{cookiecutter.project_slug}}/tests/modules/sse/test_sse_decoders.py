"""Decoders of others, which `docs/modules/sse/clients.md` tells about."""

import base64
import json
import os
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.modules.sse.scripted import Answer, scripted
from tests.modules.sse.test_sse_wire import CLIENT, VALUES, fuzzed_streams, publish
from tests.streaming.fixtures import PROJECT

PACKAGES = ["eventsource@4", "eventsource-parser@3"]
SCRIPT = PROJECT / "tests" / "modules" / "sse" / "npm_decoders.mjs"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Ids without data, and an event that breaks off.
BROKEN = [
    Answer(b"retry: 10\nid: 1\n\nid: 2\ndata: a\n\nid: 3\n\nid: 4\ndata: half"),
    Answer(b"id: 5\ndata: b\n\n", stalls=True),
]


def events_of(stream: bytes) -> list[list[str | None]]:
    """What our client, which reads as Chromium does, finds: ids are those of the blocks."""
    return [
        [fields.get("id"), fields.get("event") or "message", fields["data"]]
        for fields in CLIENT["parse_events"]([stream])
        if "data" in fields
    ]


@pytest.fixture
def run_with_npm(require, run) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Run the script in a folder that has the packages."""
    node, npm = require("node"), require("npm")
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    install = run(npm, "install", *options, *PACKAGES)
    if install.returncode and os.environ.get("REQUIRE_SERVICES") != "1":
        pytest.skip("npm's packages cannot be had")
    assert install.returncode == 0, install.stderr

    def read(task: dict[str, Any]) -> dict[str, Any]:
        result = run(node, SCRIPT, input=json.dumps(task))
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return read


@pytest.mark.slow
def test_npm_decoders_read_fuzzed_and_published_streams(http, service, run_with_npm):
    topic = f"{service}/events/{uuid4().hex}"
    start, *ids = publish(http, topic)
    streams = list(fuzzed_streams())
    with scripted([Answer(stream) for stream in streams]) as fuzzed, scripted(BROKEN) as broken:
        task = {
            "streams": [base64.b64encode(stream).decode() for stream in streams],
            "fuzzed": fuzzed.url,
            "broken": broken.url,
            "published": f"{topic}?last_event_id={start}",
            "count": len(VALUES),
        }
        read = run_with_npm(task)
    for stream, parsed, followed in zip(streams, read["parsed"], read["followed"], strict=True):
        expected = [event for event in events_of(stream) if event[1] in {"message", "ping"}]
        for events in parsed:
            assert [event for event in events if event[1] in {"message", "ping"}] == expected
        assert followed == [[event_id or "", *event] for event_id, *event in expected]
    published = [[event_id, json.loads(data)] for event_id, _, data in read["published"]]
    assert published == list(map(list, zip(ids, VALUES, strict=True)))
    # What the docs warn of: ids without data do not count.
    assert read["broken"] == [["2", "message", "a"], ["5", "message", "b"]]
    assert [request.last_event_id for request in broken.requests] == [None, "2"]


def test_httpx2_reads_fuzzed_streams(http):
    """All that have no byte order mark; events without data and blocks without it are the same."""
    streams = [stream for stream in fuzzed_streams() if not stream.startswith(BYTE_ORDER_MARK)]
    assert len(streams) > 20
    with scripted([Answer(stream) for stream in streams]) as server:
        for stream in streams:
            with http.sse(server.url) as events:
                found = [[event.event, event.data] for event in events if event.data]
            assert found == [event for _, *event in events_of(stream) if event[1]]
