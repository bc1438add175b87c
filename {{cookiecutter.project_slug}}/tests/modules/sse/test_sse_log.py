"""What the log keeps, by tables: `topic: size` of what is appended, and what is left."""

import time

import pytest

from {{ cookiecutter.package_name }}.modules.sse.event import (
    OVERHEAD_BYTES,
    Event,
)
from {{ cookiecutter.package_name }}.modules.sse.log import (
    EventLog,
)
from {{ cookiecutter.package_name }}.modules.sse.settings import (
    SseSettings,
)
from {{ cookiecutter.package_name }}.streaming.limits import (
    LimitReached,
)

NOW = time.time()


def make_log(appended: str, **settings: object) -> EventLog:
    """A log that was given `a:100 b:2`: an event of 100 bytes for `a`, then one of 2 for `b`.

    Sizes are those of the bytes that are sent; the bounds count the overhead as well.
    """
    log = EventLog(SseSettings(**settings), "0a1b2c3d")  # ty: ignore[invalid-argument-type]
    for number, text in enumerate(appended.split(), 1):
        topic, _, size = text.partition(":")
        log.append(Event(topic, number, NOW, "message", {"": b"x" * int(size)}))
    return log


def kept(log: EventLog, *topics: str, after: int = 0, until: int = 99) -> list[int]:
    return [event.number for event in log.read(topics, after, until)]


@pytest.mark.parametrize(
    ("appended", "events_of_topic", "events_in_all", "left"),
    [
        ("a:0 a:0 a:0 a:0", 3, 9, {"a": [2, 3, 4]}),
        ("a:0 b:0 a:0 b:0 a:0", 2, 9, {"a": [3, 5], "b": [2, 4]}),
        # A busy topic takes nothing from a quiet one.
        ("b:0 a:0 a:0 a:0 a:0 a:0", 9, 3, {"a": [5, 6], "b": [1]}),
        ("b:0 c:0 a:0 a:0 a:0", 9, 3, {"a": [5], "b": [1], "c": [2]}),
        # The newest of each topic stays, however large.
        ("a:5000", 1, 1, {"a": [1]}),
        ("a:5000 b:5000", 1, 1, {"a": [1], "b": [2]}),
        ("a:0 a:5000", 3, 3, {"a": [2]}),
    ],
)
def test_bounds_are_in_bytes_and_each_topic_has_its_own(
    appended, events_of_topic, events_in_all, left
):
    log = make_log(
        appended,
        topic_bytes=events_of_topic * OVERHEAD_BYTES,
        log_bytes=events_in_all * OVERHEAD_BYTES,
    )
    assert {topic: kept(log, topic) for topic in left} == left
    for topic, numbers in left.items():
        dropped = [
            number
            for number, text in enumerate(appended.split(), 1)
            if text.startswith(topic) and number not in numbers
        ]
        assert log.begin(topic) == max(dropped, default=0)


@pytest.mark.parametrize(
    ("topics", "after", "until", "numbers"),
    [
        ("a", 0, 99, [1, 3, 5]),
        ("ab", 0, 99, [1, 2, 3, 4, 5]),
        ("ba", 2, 4, [3, 4]),
        ("b", 4, 99, []),
        ("c", 0, 99, []),
    ],
)
def test_events_of_several_topics_come_in_one_order(topics, after, until, numbers):
    log = make_log("a:1 b:1 a:1 b:1 a:1")
    assert kept(log, *topics, after=after, until=until) == numbers


def test_a_page_has_32_kib_and_what_exceeds_them():
    log = make_log("a:20000 a:20000 a:20000 a:1")
    assert kept(log, "a") == [1, 2]
    assert kept(log, "a", after=2) == [3, 4]


@pytest.mark.parametrize(
    ("seconds_later", "in_use", "left", "topics"),
    [(9, "", [1, 2], {"a", "b"}), (11, "", [], set()), (11, "ab", [], {"a", "b"})],
)
def test_events_and_topics_expire(seconds_later, in_use, left, topics):
    log = make_log("a:1 a:1 b:1", event_seconds=10)
    log.expire(NOW + seconds_later, in_use)
    assert (kept(log, "a"), log.topics.keys()) == (left, topics)
    # What is known of a topic that is forgotten is its own: nobody who had all is told of a gap.
    assert [log.begin("a"), log.begin("b")] == ([0, 0] if left else [2, 3])
    assert log.begin("never there") == 0


def test_of_topics_that_are_forgotten_too_many_are_taken_to_have_lost_something():
    log = make_log("a:1 b:1", event_seconds=1, max_topics=2)
    log.expire(NOW + 2, ())
    log.append(Event("c", 3, NOW, "message", {"": b""}))
    log.expire(NOW + 2, ())
    assert [log.begin(topic) for topic in "abcd"] == [1, 2, 3, 1]


def test_there_are_only_so_many_topics():
    log = make_log("a:1 b:1", max_topics=2)
    with pytest.raises(LimitReached):
        log.open("c", 0)
    assert log.open("a", 0).begin == 0
