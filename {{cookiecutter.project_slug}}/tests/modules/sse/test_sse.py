import json
import socket
import struct
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from itertools import islice
from uuid import uuid4

import httpx2
import pytest

from tests.modules.sse.waiting import open_streams, wait_for
from tests.streaming.fixtures import APP, PROJECT, Server
from tests.streaming.pages import python_blocks

ENGINE = "tests.modules.sse.engine_app:app"
EVENT_STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def serve_engine(serve) -> Callable[..., AbstractContextManager[Server]]:
    """Serve the app with topics of its own; a large demo would only take time."""
    return partial(serve, ENGINE, DEMO_ROWS="10")


@pytest.fixture(scope="module")
def engine(serve_engine) -> Iterator[str]:
    """A server with topics of its own, and a beat that is heard."""
    with serve_engine(SSE_HEARTBEAT_SECONDS="0.5") as server:
        yield server.url


@pytest.fixture(scope="module", params=["true", "false"], ids=["handed over", "kept"])
def either(serve_engine, request) -> Iterator[str]:
    """A server that writes to connections directly, and one that sends as all servers can."""
    with serve_engine(SSE_HAND_OVER=request.param) as server:
        yield server.url


@pytest.fixture(scope="module")
def small(serve_engine):
    """A server with room for some events of a topic; the last test ends it."""
    with serve_engine(SSE_TOPIC_BYTES="3000") as server:
        yield server


def new_topic() -> str:
    """The path of a topic that no other test publishes to."""
    return f"/events/{uuid4().hex}"


@contextmanager
def subscribe(
    http: httpx2.Client, url: str, **headers: str
) -> Generator[Iterator[httpx2.ServerSentEvent]]:
    """The events; httpx2 takes blocks without data for some as well."""
    with http.sse(url, headers=headers) as source:
        assert source.response.status_code == 200
        events = iter(source)
        next(events)  # the server says `connected`: who reads that misses nothing
        yield (event for event in events if event.data)


def publish(http: httpx2.Client, url: str, *values: object) -> list[str]:
    return [http.post(url, json=value).raise_for_status().json()["id"] for value in values]


def values_of(events: Iterable[httpx2.ServerSentEvent], count: int) -> list[object]:
    """The data of the first events; that of a gap is its name."""
    taken = islice(events, count)
    return [event.event if event.event == "gap" else json.loads(event.data) for event in taken]


def test_the_demo_publishes_a_reading_in_each_period(http, service):
    with subscribe(http, f"{service}/events/readings") as events:
        started = time.monotonic()
        readings = [json.loads(event.data) for event in islice(events, 3)]
        assert time.monotonic() - started > 0.3
    assert [reading["id"] - readings[0]["id"] for reading in readings] == [0, 1, 2]


def test_every_subscriber_gets_what_is_published(http, either):
    topic = either + new_topic()
    with subscribe(http, topic) as first, subscribe(http, topic) as second:
        value = {"text": "Füllstand\n🌡️\u2028", "number": 1.5}
        [event_id] = publish(http, topic, value)
        for events in (first, second):
            event = next(events)
            assert (event.id, event.event, json.loads(event.data)) == (event_id, "message", value)


def test_events_that_come_fast_come_all_and_in_order(http, either):
    topic, body = either + new_topic(), "\n".join(map(str, range(400)))
    with subscribe(http, topic) as first, subscribe(http, topic) as second:
        publish(http, topic, *range(-20, 0))
        headers = {"Content-Type": "application/jsonl"}
        answer = http.post(topic, content=body, headers=headers).raise_for_status().json()
        assert (len(answer["ids"]), answer["ids"][-1]) == (400, answer["id"])
        publish(http, topic, *range(400, 410))
        assert values_of(first, 430) == values_of(second, 430) == list(range(-20, 410))


def test_topics_are_apart(http, either):
    """Also where events of the other come between what is gathered."""
    path = new_topic()
    with (
        subscribe(http, f"{either}{path}-a") as first,
        subscribe(http, f"{either}{path}-b") as other,
    ):
        for number in range(30):
            publish(http, f"{either}{path}-b", number)
            publish(http, f"{either}{path}-a", number)
            publish(http, f"{either}{path}-c", number)
        for events in (first, other):
            assert values_of(events, 30) == list(range(30))


# How a subscriber comes back to a topic that has the events 0, 1, 2 and 3, and what it is sent
# before the event 4; `{n}` is the id of the event n, and `ffffffff` no epoch of ours.
RESUMED = [
    ("", "", [4]),
    ("", "{1}", [2, 3, 4]),
    ("?last_event_id={1}", "", [2, 3, 4]),
    ("?last_event_id={1}", "{2}", [3, 4]),
    ("?last_event_id=", "", [4]),
    ("?from=now", "", [4]),
    ("?from=beginning", "", [0, 1, 2, 3, 4]),
    ("?from=beginning", "{3}", [4]),
    ("?from=beginning&last_event_id={0}", "", [1, 2, 3, 4]),
    ("", "ffffffff-1", ["gap", 0, 1, 2, 3, 4]),
    ("?last_event_id=ffffffff-1", "", ["gap", 0, 1, 2, 3, 4]),
    ("?last_event_id=nonsense", "{3}", [4]),
    ("", "{3}0000", ["gap", 0, 1, 2, 3, 4]),
    ("", "{0}²", ["gap", 0, 1, 2, 3, 4]),
    ("", "-1", ["gap", 0, 1, 2, 3, 4]),
    ("", "\xff\xfe", ["gap", 0, 1, 2, 3, 4]),
    ("", "x" * 30_000, ["gap", 0, 1, 2, 3, 4]),
]


@pytest.mark.parametrize(("query", "last_event_id", "received"), RESUMED)
def test_a_subscriber_resumes(http, either, query, last_event_id, received):
    topic = either + new_topic()
    ids = publish(http, topic, 0, 1, 2, 3)
    headers = {"Last-Event-ID": last_event_id.format(*ids).encode()} if last_event_id else {}
    with subscribe(http, topic + query.format(*ids), **headers) as events:
        publish(http, topic, 4)
        assert values_of(events, len(received)) == received


def test_a_gap_is_told_once_and_at_its_place(http, small):
    topic = small.url + new_topic()
    ids = publish(http, topic, *(f"{number:0300}" for number in range(10)))
    with subscribe(http, topic, **{"Last-Event-ID": ids[0]}) as events:
        gap, first = next(events), next(events)
    lost = json.loads(gap.data)
    assert (gap.event, lost["after"], lost["resumed_after"]) == ("gap", ids[0], gap.id)
    assert lost["topics"] == [topic.rpartition("/")[2]]
    assert ids.index(first.id) == ids.index(gap.id) + 1 > 5
    with subscribe(http, topic, **{"Last-Event-ID": gap.id}) as events:
        assert next(events).id == first.id
    with subscribe(http, f"{topic}?from=beginning") as events:
        assert next(events).id == first.id


def test_a_quiet_topic_has_no_gap_beside_a_busy_one(http, small):
    quiet, busy = small.url + new_topic(), small.url + new_topic()
    ids = publish(http, quiet, "first", "second")
    publish(http, busy, *(f"{number:0300}" for number in range(20)))
    with subscribe(http, quiet, **{"Last-Event-ID": ids[0]}) as events:
        assert values_of(events, 1) == ["second"]


def test_a_subscriber_of_a_quiet_topic_resumes_with_the_id_of_its_first_connect(http, either):
    topic = either + new_topic()
    with http.sse(topic) as source:
        first = next(iter(source))
    publish(http, topic, "meanwhile")
    with subscribe(http, topic, **{"Last-Event-ID": first.id}) as events:
        assert values_of(events, 1) == ["meanwhile"]


def test_a_topic_whose_name_means_something_else_is_told_apart(http, either):
    """`error` would be the end of a connection to an `EventSource`."""
    topics = ["gap", "error", "open", "message", "other"]
    with subscribe(http, f"{either}/events?" + "&".join(f"topic={t}" for t in topics)) as events:
        for topic in topics:
            publish(http, f"{either}/events/{topic}", topic)
        names = [(event.event, json.loads(event.data)) for event in islice(events, 5)]
    expected = ["gap/message", "error/message", "open/message", "message", "other"]
    assert names == list(zip(expected, topics, strict=True))


def test_one_stream_has_several_topics_and_one_id_resumes_them_all(http, either):
    path = new_topic().removeprefix("/events/")
    topics = [f"{path}-{name}" for name in ("a", "b", "Größe")]
    url = f"{either}/events?" + "&".join(f"topic={topic}" for topic in topics)
    with subscribe(http, url) as events:
        ids = [publish(http, f"{either}/events/{topic}", topic)[0] for topic in topics * 2]
        received = [(event.id, event.event, json.loads(event.data)) for event in islice(events, 6)]
    assert received == list(zip(ids, topics * 2, topics * 2, strict=True))
    for number, event_id in enumerate(ids[:-1]):
        with subscribe(http, url, **{"Last-Event-ID": event_id}) as events:
            assert [event.id for event in islice(events, 5 - number)] == ids[number + 1 :]


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/events/a%0Ab", "path.topic"),
        ("/events/.hidden", "path.topic"),
        (f"/events/{'a' * 65}", "path.topic"),
        ("/events/a?form=beginning", "query.form"),
        ("/events/a?from=yesterday", "query.from"),
        ("/events/a?topic=b", "query.topic"),
        ("/events", "query.topic"),
        ("/events?topic=a&topic=b%2Fc", "query.topic.1"),
        ("/events?" + "&".join(f"topic=t{number}" for number in range(21)), "query.topic"),
        ("/events?topic=a&x=1", "query.x"),
    ],
)
def test_what_cannot_be_asked_is_refused(http, engine, path, location):
    response = http.get(engine + path, headers=EVENT_STREAM)
    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [location]


JSON, JSON_LINES = "application/json", "application/jsonl"


@pytest.mark.parametrize(
    ("path", "body", "status", "location"),
    [
        ("x", b"{", 422, "body"),
        ("x", b'"\\ud800"', 422, "body"),
        ("x", b"NaN", 422, "body"),
        ("x", b"", 422, "body"),
        ("x", b"\xff", 422, "body"),
        ("x", b"[" * 100_000, 422, "body"),
        ("x", b"1" * 2_000_000, 413, None),
        ("x", b"1" * 5000, 422, "body"),
        ("x", b'[{"a": -1e999}]', 422, "body"),
        ("x", b"\xef\xbb\xbf1", 422, "body"),
        ("x", b"1 2", 422, "body"),
        ("x?event=error", b"1", 422, "body"),
        ("x?event=open", b"1", 422, "body"),
        ("x?event=", b"1", 422, "query.event"),
        ("x?localized=true", b'{"en": 1, "de": 2, "pt-BR": 3, "fr": 4}', 422, "body"),
        (".x", b"1", 422, "path.topic"),
        ("x?event=a%0Ab", b"1", 422, "query.event"),
        ("x?event=gap", b"1", 422, "body"),
        ("x?evnt=a", b"1", 422, "query.evnt"),
        ("x?localized=true", b"1", 422, "body"),
        ("x?localized=true", b'{"en": 1, "de": 2}', 422, "body"),
    ],
)
def test_only_what_can_be_sent_is_published(http, engine, path, body, status, location):
    response = http.post(f"{engine}/events/{path}", content=body, headers={"Content-Type": JSON})
    problem = response.json()
    assert (response.status_code, problem["status"]) == (status, status)
    assert [error["location"] for error in problem.get("errors", [])] == [location] * bool(location)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_page_of_another_origin_cannot_publish_unasked(http, engine, media_type):
    """A browser sends such bodies anywhere, without a preflight."""
    headers = {"Content-Type": media_type}
    assert http.post(f"{engine}/events/x", content=b"1", headers=headers).status_code == 415


@pytest.mark.parametrize(
    ("body", "line"),
    [("1\n{\n3", 2), ("\n\n[1\n2", 3), ("", None), ("1\n" * 1001, None)],
)
def test_of_lines_with_a_fault_none_is_published(http, engine, body, line):
    topic = engine + new_topic()
    response = http.post(topic, content=body, headers={"Content-Type": JSON_LINES})
    location = "body" if line is None else f"body.{line}"
    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [location]
    assert_that_nothing_is_kept(http, topic)


def assert_that_nothing_is_kept(http: httpx2.Client, topic: str) -> None:
    with subscribe(http, f"{topic}?from=beginning") as events:
        publish(http, topic, "only")
        assert values_of(events, 1) == ["only"]


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 10\r\n\r\n1\n2\n",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\n1\n2\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\n1\n2\n\r\nzz\r\n",
    ],
)
def test_of_a_body_that_breaks_off_nothing_is_published(http, small, body):
    path = new_topic()
    with connect(small.url) as publisher:
        head = f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {JSON_LINES}\r\n"
        publisher.sendall(head.encode() + body)
        publisher.shutdown(socket.SHUT_WR)
        while publisher.recv(1000):
            pass
    assert_that_nothing_is_kept(http, small.url + path)
    assert "Traceback" not in small.log


@contextmanager
def connect(url: str) -> Generator[socket.socket]:
    address = httpx2.URL(url)
    with socket.create_connection((address.host, address.port or 80), timeout=10) as connection:
        yield connection


@pytest.mark.parametrize(
    "behind",
    [b"", b"GET /events/x HTTP/1.1\r\nHost: test\r\n\r\n", b"\0" * 20_000, b"\0" * 200_000],
    ids=["nothing", "a request", "junk", "much junk"],
)
def test_what_comes_behind_the_request_of_a_live_stream_changes_nothing(http, either, behind):
    path = new_topic()
    with connect(either) as reader:
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        received = until(reader, b"connected")
        publish(http, either + path, "first")
        received = until(reader, b'"first"')
        reader.sendall(behind)
        publish(http, either + path, "second")
        assert b"HTTP/1.1" not in until(reader, b'"second"') + received


def until(reader: socket.socket, text: bytes) -> bytes:
    received = b""
    while text not in received:
        piece = reader.recv(65536)
        assert piece, received
        received += piece
    return received


def test_clients_that_reset_their_connections_leave_nothing_behind(http, either):
    topic, linger = new_topic(), struct.pack("ii", 1, 0)
    with subscribe(http, either + topic) as events:
        for number in range(200):
            with connect(either) as reader:
                reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                reader.sendall(f"GET {topic} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
                if number % 2:
                    until(reader, b"connected")
            publish(http, either + topic, number)
        assert values_of(events, 200) == list(range(200))
        wait_for(lambda: open_streams(http, either) == 1)


def test_events_are_of_the_models_of_their_topic(http, serve_engine):
    with serve_engine(SSE_PUBLISH_TOPICS="house") as server:
        topic = f"{server.url}/events/house"
        with subscribe(http, topic, **{"Accept-Language": "fr, pt-br;q=0.5, de;q=0.4"}) as events:
            http.post(topic, json={"open": "yes"}).raise_for_status()
            http.post(f"{topic}?event=alarm", json={"text": "a", "more": 1}).raise_for_status()
            texts = {language: {"text": language} for language in ("de", "en", "pt-BR")}
            http.post(f"{topic}?event=alarm&localized=true", json=texts).raise_for_status()
            assert [(event.event, json.loads(event.data)) for event in islice(events, 3)] == [
                ("message", {"open": True}),
                ("alarm", {"text": "a"}),
                ("alarm", {"text": "pt-BR"}),
            ]
        for path, value, location in [
            ("house", {"open": 7}, "body.open"),
            ("house", {}, "body.open"),
            ("house?event=door", {"open": True}, "body"),
        ]:
            response = http.post(f"{server.url}/events/{path}", json=value)
            assert response.status_code == 422
            assert [error["location"] for error in response.json()["errors"]] == [location]
        assert http.post(f"{server.url}/events/other", json=1).status_code == 403


@pytest.mark.parametrize(
    ("accept_language", "text"),
    [("de-CH, en;q=0.9", "Feuer"), ("", "Fire"), ("fr", "Fire"), ("pt-BR", "Fogo"), ("pt", "Fire")],
)
def test_code_publishes_from_tasks_and_threads(http, engine, accept_language, text):
    path = new_topic()
    with subscribe(http, engine + path, **{"Accept-Language": accept_language}) as events:
        topic, ids = path.rpartition("/")[2], []
        for what in ("alarms", "doors"):
            ids += http.post(f"{engine}/{what}/{topic}").raise_for_status().json()
        received = [(event.id, event.event, json.loads(event.data)) for event in islice(events, 3)]
    names, values = ["alarm", "alarm", "message"], [{"text": text}, {"text": "SOS"}, {"open": True}]
    assert received == list(zip(ids, names, values, strict=True))


def test_the_docs_show_code_that_is_tested():
    code = (PROJECT / "tests" / "modules" / "sse" / "engine_app.py").read_text(encoding="utf-8")
    blocks = python_blocks(PROJECT / "docs" / "modules" / "sse.md")
    assert len(blocks) == 3
    assert not [block for block in blocks if block not in code]


def test_code_that_publishes_what_cannot_be_is_told(http, engine):
    said = http.post(f"{engine}/mistakes").raise_for_status().json()
    assert said[2:] == [
        "PydanticSerializationError",
        "ValueError",
        "ValidationError",
        "RuntimeError",
        "[]",
    ]
    assert said[:2] == ["ValueError"] * 2


@pytest.mark.parametrize(
    ("authorization", "topic", "status"),
    [
        ({}, "open", 401),
        ({"Authorization": "Bearer wrong"}, "open", 401),
        ({"Authorization": "Bearer geheim"}, "open", 202),
        ({"Authorization": "Basic geheim"}, "open", 401),
        ({"Authorization": "Bearer geheim"}, "house", 403),
        ({"Authorization": "Bearer geheim"}, "closed", 403),
    ],
)
def test_only_who_may_publishes(http, guarded, authorization, topic, status):
    response = http.post(f"{guarded}/events/{topic}", json=1, headers=authorization)
    assert response.status_code == status
    assert ("www-authenticate" in response.headers) == (status == 401)


@pytest.fixture(scope="module")
def guarded(serve_engine) -> Iterator[str]:
    settings = {
        "SSE_PUBLISH_TOKEN": "geheim",
        "SSE_PUBLISH_TOPICS": '["open", "open2"]',
        "SSE_ALLOW_ORIGINS": "https://a.example, https://b.example",
        "STREAMING_MAX_STREAMS_PER_ADDRESS": "1",
    }
    with serve_engine(**settings) as server:
        yield server.url


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [("https://a.example", True), ("https://b.example", True), ("https://c.example", False)],
)
def test_pages_of_chosen_origins_read_and_publish(http, guarded, engine, origin, is_allowed):
    preflight = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    url = f"{guarded}/events/open"
    assert http.options(url, headers=preflight).status_code == (200 if is_allowed else 400)
    headers = {"Origin": origin, "Authorization": "Bearer geheim"}
    with http.stream("GET", url, headers=headers) as stream:
        for response in (
            stream,
            http.post(url, json=1, headers=headers),
            http.head(url, headers=headers),
        ):
            assert response.headers.get("access-control-allow-origin") == (
                origin if is_allowed else None
            )
            assert response.headers.get("access-control-allow-credentials", "true") == "true"
    response = http.head(f"{engine}/events/open", headers=headers)
    assert "access-control-allow-origin" not in response.headers


def test_a_browser_that_is_refused_comes_back(http, guarded):
    """It would never do so after anything but a 200 with an event stream."""
    url = f"{guarded}/events/open"
    with http.stream("GET", url):
        for accept, status in {
            "text/event-stream": 200,
            "text/event-stream, */*": 429,
            "*/*": 429,
        }.items():
            response = http.get(url, headers={"Accept": accept})
            assert response.status_code == status
            if status == 200:
                retry = int(response.text.removeprefix("retry: ").rstrip())
                assert (response.text, 1000 <= retry <= 5000) == (f"retry: {retry}\n\n", True)
                assert response.headers["content-type"].startswith("text/event-stream")
            else:
                assert response.json()["type"] == "/problems/limit"


@pytest.mark.parametrize("path", ["/events/x", "/events?topic=a&topic=b"])
def test_head_and_the_headers_of_a_stream(http, engine, path):
    with http.stream("GET", engine + path, headers={"Accept-Encoding": "br, gzip"}) as response:
        head = http.head(engine + path)
        for name, value in {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-store, no-transform",
            "x-accel-buffering": "no",
            "content-encoding": None,
        }.items():
            assert (response.headers.get(name), head.headers.get(name)) == (value, value)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.slow
@pytest.mark.parametrize("hand_over", ["true", "false"])
def test_every_connection_has_a_heartbeat_whatever_others_do(http, serve_engine, hand_over):
    settings = {"SSE_HEARTBEAT_SECONDS": "0.4", "SSE_HAND_OVER": hand_over}
    with serve_engine(**settings) as server, ThreadPoolExecutor(2) as threads:
        path = new_topic()

        def read(url: str) -> float:
            """How long a stream takes for three heartbeats."""
            begin, text = time.monotonic(), ""
            with http.stream("GET", url) as response:
                for piece in response.iter_text():
                    text += piece
                    if text.count(": ping\n\n") == 3:
                        break
            return time.monotonic() - begin

        paths = [f"{path}-quiet", f"?topic={path.rpartition('/')[2]}-quieter&topic=other"]
        readings = [threads.submit(read, server.url + paths[0])]
        readings.append(threads.submit(read, f"{server.url}/events{paths[1]}"))
        while not all(reading.done() for reading in readings):
            publish(http, f"{server.url}{path}-busy", 1)
        assert all(reading.result() < 5 for reading in readings)


@pytest.mark.slow
def test_streams_are_compressed_when_a_setting_says_so(http, serve_engine):
    with serve_engine(SSE_COMPRESS="true", SSE_HEARTBEAT_SECONDS="0.2") as server:
        topic = server.url + new_topic()
        with subscribe(http, topic, **{"Accept-Encoding": "gzip"}) as events:
            publish(http, topic, "first")
            assert values_of(events, 1) == ["first"]
            publish(http, topic, "second")
            assert values_of(events, 1) == ["second"]
        with http.stream("GET", topic, headers={"Accept-Encoding": "gzip"}) as response:
            assert response.headers["content-encoding"] == "gzip"


def count_streams(http: httpx2.Client, url: str, what: str) -> float:
    lines = http.get(f"{url}/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(what))


def test_its_streams_are_counted_while_they_are_open_and_when_they_end(http, either):
    topic = either + new_topic()

    def figures() -> list[float]:
        labels = (
            'streams_open{module="sse"}',
            'records_total{module="sse"}',
            'bytes_total{module="sse"}',
        )
        names = [f"streaming_{label}" for label in labels]
        return [count_streams(http, either, name) for name in names]

    def wait_for(expected: list[float]) -> None:
        deadline = time.monotonic() + 5
        while (found := figures())[:2] != expected[:2] or found[2] < expected[2]:
            assert time.monotonic() < deadline, (found, expected)
            time.sleep(0.05)

    deadline = time.monotonic() + 5
    while figures()[0] and time.monotonic() < deadline:  # those of other tests
        time.sleep(0.05)
    _, records, size = figures()
    with subscribe(http, topic) as first, subscribe(http, topic) as second:
        publish(http, topic, "x" * 1000, "y" * 1000)
        assert [len(values_of(events, 2)) for events in (first, second)] == [2, 2]
        wait_for([2, records + 4, size + 4000])
    wait_for([0, records + 4, size + 4000])


@contextmanager
def stopped_reader(url: str, path: str, *headers: str) -> Generator[socket.socket]:
    """A client that asks and does not read, with little room for what it is sent."""
    address = httpx2.URL(url)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(10)
        reader.connect((address.host, address.port))
        head = "\r\n".join([f"GET {path} HTTP/1.1", "Host: test", *headers])
        reader.sendall(f"{head}\r\n\r\n".encode())
        yield reader


def numbers_until(reader: socket.socket, last: int) -> list[int | str]:
    """The numbers that the events of a stream begin with, and its gaps."""
    seen: list[int | str] = []
    text = ""
    while not seen or seen[-1] != last:
        text += reader.recv(65536).decode()
        *lines, text = text.split("\n")
        for line in lines:
            if line.startswith('data: "'):
                seen.append(int(line.removeprefix('data: "')[:6]))
            elif line == "event: gap":
                seen.append("gap")
    return seen


@pytest.mark.slow
@pytest.mark.parametrize(("topic_bytes", "has_gap"), [("5000000", False), ("300000", True)])
def test_a_reader_that_falls_behind_catches_up(http, serve_engine, topic_bytes, has_gap):
    """It reads on from the log; what is lost in between is told."""
    with serve_engine(SSE_TOPIC_BYTES=topic_bytes) as server:
        path = new_topic()
        with (
            stopped_reader(server.url, path) as reader,
            subscribe(http, server.url + path) as other,
        ):
            for begin in range(0, 1000, 100):
                lines = "\n".join(f'"{n:06}{"x" * 2000}"' for n in range(begin, begin + 100))
                headers = {"Content-Type": JSON_LINES}
                http.post(server.url + path, content=lines, headers=headers).raise_for_status()
                assert len(values_of(other, 100)) == 100
            seen = numbers_until(reader, 999)
            numbers = [number for number in seen if number != "gap"]
            assert seen.count("gap") == has_gap
            assert (numbers == list(range(1000))) == (not has_gap)
            assert numbers == sorted(set(numbers))
            publish(http, server.url + path, "001000")
            assert numbers_until(reader, 1000) == [1000]


@pytest.mark.slow
def test_a_reader_that_stays_behind_is_dropped(http, serve_engine):
    with serve_engine(STREAMING_MIN_BYTES_PER_SECOND="100000") as server:
        path = new_topic()
        with stopped_reader(server.url, path):
            for _ in range(40):
                publish(http, server.url + path, "x" * 100_000)
            deadline = time.monotonic() + 10
            while '"too_slow"' not in server.log:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert "Traceback" not in server.log


@pytest.mark.slow
def test_a_reader_that_stops_in_a_replay_takes_little_memory(http, serve_engine):
    with serve_engine() as server, ExitStack() as readers:
        path = new_topic()
        lines = "\n".join(f'"{number:06}{"x" * 2000}"' for number in range(400))
        headers = {"Content-Type": JSON_LINES}
        [first, *_] = http.post(server.url + path, content=lines, headers=headers).json()["ids"]

        def open_readers(count: int) -> None:
            for _ in range(count):
                resumed = f"Last-Event-ID: {first}"
                readers.enter_context(stopped_reader(server.url, path, resumed))
            time.sleep(1)

        open_readers(10)
        before = server.memory
        open_readers(40)
        assert (server.memory - before) / 40 < 256 * 1024


@pytest.mark.parametrize("retry", ["0", "2000"])
def test_sigterm_ends_the_streams_with_a_time_to_come_back(http, serve_engine, retry):
    with serve_engine(SSE_RETRY_MILLISECONDS=retry) as server:
        topic = server.url + new_topic()
        with http.sse(topic) as idle, http.sse(topic) as other:
            streams = [iter(idle), iter(other)]
            assert [next(stream).retry for stream in streams] == [3000, 3000]
            publish(http, topic, "last")
            server.process.terminate()
            for event, last in (list(stream) for stream in streams):
                assert (event.data, event.retry, last.data) == ('"last"', None, "")
                assert 1000 <= last.retry <= max(1000, int(retry))
        server.process.wait(timeout=5)
        assert server.log.count('"shutdown"') == 2


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 4])
def test_sigterm_ends_busy_streams_too(http, serve, workers):
    options = ["--workers", str(workers)]
    with serve(APP, *options, DEMO_PERIOD_SECONDS="0.01") as server:
        with subscribe(http, f"{server.url}/events/readings") as events:
            ids = [json.loads(event.data)["id"] for event in islice(events, 20)]
            server.process.terminate()
            ids += [json.loads(event.data)["id"] for event in events]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        server.process.wait(timeout=5)


@pytest.mark.slow
def test_a_feed_that_fails_is_started_again_and_shows(http, serve):
    with serve("tests.modules.sse.failing_feed:app") as server:
        with subscribe(http, f"{server.url}/events/numbers?from=beginning") as events:
            received = [event.data for event in islice(events, 4)]
        assert received == ["0", "1", "2", "3"]
        problem = http.get(f"{server.url}/readyz")
        assert (problem.status_code, "feed" in problem.json()["detail"]) == (503, True)
        assert 'streaming_tasks_failing{task="feed"} 1.0' in http.get(f"{server.url}/metrics").text
