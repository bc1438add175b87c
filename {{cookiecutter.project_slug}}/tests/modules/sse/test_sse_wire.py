import base64
import json
import runpy
from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random
from uuid import uuid4

import httpx2
import pytest

from tests.modules.sse.scripted import Answer, scripted
from tests.streaming.fixtures import PROJECT

CLIENT = runpy.run_path(str(PROJECT / "clients" / "python" / "sse.py"))
STREAMS = 60
PIECES = [
    *(b"data", b"event", b"id", b"retry", b"ignored", b"Data"),
    *(b":", b": ", b":  ", b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n", b"\r\r"),
    *(b"x", b"ping", b"7", b"", b"\0", b"-1", b" ", b"\t", b"\x0b", b"\x0c", b"\x85"),
    *("\ufeff", "\u2028", "\u2029", "\x85", "\x1c", "Zürich", "🌡️"),
    *(b"\xff", b"\xc3", b"\xf0\x9f", b"\xed\xa0\x80"),
    *(b"data: a\n", b"data\n", b"id: 1\n", b"id\n", b"event: ping\n", b"event\n", b": comment\n"),
]
# What EventSource and our client make of the streams, one after another.
IN_BROWSER = """
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const results = [];
  for (const stream of streams) {
    const native = await new Promise((resolve) => {
      const events = [];
      const source = new EventSource(url);
      const add = ({ type, data, lastEventId }) => events.push([lastEventId, type, data]);
      for (const type of ["message", "ping"]) source.addEventListener(type, add);
      source.onerror = () => { source.close(); resolve(events); };
    });
    const ours = [];
    for (const size of [1, 1000]) {
      const events = [];
      const content = bytes(stream);
      const body = new ReadableStream({
        start(controller) {
          for (let i = 0; i < content.length; i += size) controller.enqueue(content.slice(i, i + size));
          controller.close();
        },
      });
      let lastId = "";
      for await (const { id, event, data } of client.parseEvents(body)) {
        lastId = id ?? lastId;
        if (data !== undefined && ["", undefined, "message", "ping"].includes(event))
          events.push([lastId, event || "message", data]);
      }
      ours.push(events);
    }
    results.push({ native, ours });
  }
  return results;
"""
UNTIL_COUNTED = """
  const events = [];
  const source = new EventSource(url);
  return await new Promise((resolve) => {
    source.onmessage = ({ data, lastEventId }) => {
      events.push([lastEventId, JSON.parse(data)]);
      if (events.length < count) return;
      source.close();
      resolve(events);
    };
  });
"""
VALUES = [
    *("", "\r", "\n", "a\r\nb", "\0", "\ufeff", "\u2028\u2029\x85", "\x0b\x0c\x1c", ": no comment"),
    *("data: x\n\nid: 0\n\n", "🌡️ Zürich", "\U0010ffff", "x" * 100_000, " ", "  two"),
    *(None, 0, 1e300, -0.5, True, [], {}, [[[]]], {"\n": "\r"}, {"id": None, "event": "gap"}),
]
"""Values that a topic is to carry whole to every decoder."""


def fuzzed_streams() -> Iterator[bytes]:
    random = Random(2026)  # noqa: S311
    for number in range(STREAMS):
        pieces = random.choices(PIECES, k=60)
        stream = b"".join(p.encode() if isinstance(p, str) else p for p in pieces)
        yield (b"", b"\xef\xbb\xbf")[number % 2] + stream + b"\n\ndata: end\n\n"


def read_by_our_client(chunks: Iterable[bytes]) -> list[list[str]]:
    last_id, events = "", []
    for fields in CLIENT["parse_events"](chunks):
        last_id = fields.get("id", last_id)
        name = fields.get("event") or "message"
        if "data" in fields and name in {"message", "ping"}:
            events.append([last_id, name, fields["data"]])
    return events


@pytest.mark.slow
def test_our_clients_read_a_stream_as_a_browser_does(in_browser):
    streams = list(fuzzed_streams())
    encoded = [base64.b64encode(stream).decode() for stream in streams]
    with scripted([Answer(stream) for stream in streams]) as server:
        arguments = f"const url = {json.dumps(server.url)}, streams = {json.dumps(encoded)};"
        results = in_browser("sse.js", arguments + IN_BROWSER)
    assert len(results) == STREAMS
    for stream, result in zip(streams, results, strict=True):
        for chunks in ([stream], [bytes([byte]) for byte in stream]):
            result["ours"].append(read_by_our_client(chunks))
        assert result["ours"] == [result["native"]] * 4, stream


def publish(http: httpx2.Client, url: str) -> list[str]:
    """Publish a first event and `VALUES`; return their ids."""
    bodies = [json.dumps(value, ensure_ascii=False).encode() for value in ["first", *VALUES]]
    headers = {"Content-Type": "application/json"}
    return [http.post(url, content=body, headers=headers).json()["id"] for body in bodies]


def test_decoders_read_what_is_published(http, service):
    """Any JSON value comes through as one event with its id, also to httpx2's decoder."""
    url = f"{service}/events/{uuid4().hex}"
    start, *ids = publish(http, url)
    headers = {"Last-Event-ID": start, "Accept-Encoding": "identity"}
    with http.stream("GET", url, headers=headers) as response:
        blocks = CLIENT["parse_events"](response.iter_bytes())
        ours = list(islice((fields for fields in blocks if "data" in fields), len(VALUES)))
    with http.sse(url, headers=headers) as events:
        theirs = list(islice((event for event in events if event.data), len(VALUES)))
    assert [json.loads(fields["data"]) for fields in ours] == VALUES
    assert [fields["id"] for fields in ours] == ids
    assert [(event.id, event.data) for event in theirs] == [(f["id"], f["data"]) for f in ours]


@pytest.mark.slow
def test_a_browser_reads_what_is_published(http, service, in_browser):
    url = f"{service}/events/{uuid4().hex}"
    start, *ids = publish(http, url)
    arguments = f"const url = {json.dumps(f'{url}?last_event_id={start}')}, count = {len(VALUES)};"
    received = in_browser("sse.js", arguments + UNTIL_COUNTED)
    assert [event_id for event_id, _ in received] == ids
    assert [value for _, value in received] == VALUES
