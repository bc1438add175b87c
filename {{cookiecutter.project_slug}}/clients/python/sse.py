# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2"]
# ///
"""Follow server-sent events: reconnects by itself and resumes after the last event."""

import argparse
import codecs
import itertools
import os
import random
import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import httpx2

URL = "http://127.0.0.1:8000/events/readings"
# The server sends a comment every 15 seconds: three that are missing mean a dead connection.
STALL_SECONDS = 45
LONGEST_STALL_SECONDS = 1_000_000.0
LONGEST_BACKOFF_SECONDS = 60
# Not text/event-stream alone: a browser's EventSource, which does so, is never refused.
ACCEPT = "text/event-stream, application/problem+json"
WORTH_RETRYING = (408, 425, 429)


class Event(NamedTuple):
    id: str
    event: str
    data: str


class TryLater(httpx2.TransportError):
    """The server answers, but not now; `seconds` is its `Retry-After`, or 0."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(f"The server answers {response.status_code}.")
        seconds = response.headers.get("Retry-After", "")
        self.seconds = int(seconds) if re.fullmatch("[0-9]{1,6}", seconds) else 0


# --8<-- [start:read]
def read_events(
    url: str, last_event_id: str = "", stall_seconds: float = STALL_SECONDS
) -> Iterator[Event]:
    """Yield events without an end, from behind `last_event_id` on.

    Raises `httpx2.HTTPStatusError` when the server refuses the request, and `httpx2.SSEError` when
    its answer is no event stream. After all else it connects again: after the server's own time,
    twice as long after each further failure, and always a little later than all others do.
    """
    retry_seconds, failures = 1.0, 0
    timeout = httpx2.Timeout(10, read=stall_seconds)
    with httpx2.Client(timeout=timeout, follow_redirects=True) as client:
        while True:
            headers = {"Accept": ACCEPT} | (
                {"Last-Event-ID": last_event_id} if last_event_id else {}
            )
            reason, at_least = "The stream has ended.", 0
            try:
                with client.stream("GET", url, headers=headers) as response:
                    check(response)
                    for fields in parse_events(response.iter_bytes()):
                        failures = 0
                        last_event_id = fields.get("id", last_event_id)
                        retry_seconds = float(fields.get("retry", retry_seconds * 1000)) / 1000
                        if "data" in fields:
                            name = fields.get("event") or "message"
                            yield Event(last_event_id, name, fields["data"])
            except (httpx2.SSEError, httpx2.UnsupportedProtocol):
                raise  # will not become an event stream
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                reason = str(error)
                at_least = error.seconds if isinstance(error, TryLater) else 0
            longest = max(retry_seconds, LONGEST_BACKOFF_SECONDS)
            backoff = min(retry_seconds * 2 ** min(failures, 16), longest)
            wait_seconds = max(backoff, at_least) * random.uniform(1, 1.5)  # noqa: S311
            print(f"Reconnecting in {wait_seconds:.1f} s: {reason}", file=sys.stderr)
            time.sleep(wait_seconds)
            failures += 1


# --8<-- [end:read]


def check(response: httpx2.Response) -> None:
    status = response.status_code
    if response.is_server_error or status in WORTH_RETRYING:
        raise TryLater(response)
    if response.is_error:
        response.read()
    response.raise_for_status()
    content_type = response.headers.get("Content-Type", "nothing")
    if content_type.partition(";")[0].strip().lower() != "text/event-stream":
        raise httpx2.SSEError(f"The answer is no event stream, but {content_type}.")


def parse_events(chunks: Iterable[bytes]) -> Iterator[dict[str, str]]:
    """The event stream format (WHATWG HTML, section 9.2.6): yield the fields of each block."""
    fields: dict[str, str] = {}
    for line in split_lines(chunks):
        if not line:
            yield fields
            fields = {}
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            fields["data"] = f"{fields['data']}\n{value}" if "data" in fields else value
        elif (
            name == "event"
            or (name == "id" and "\0" not in value)
            or (name == "retry" and re.fullmatch("[0-9]{1,9}", value))
        ):
            fields[name] = value


def split_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines that have ended, each as soon as it has. Only CR, LF and CRLF end one."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    rest, follows_cr = "", False
    for text in filter(None, map(decoder.decode, chunks)):
        # The line feed of a CRLF that was cut in two ends nothing.
        new_text = text.removeprefix("\n") if follows_cr else text
        follows_cr = text.endswith("\r")
        *lines, rest = re.split("\r\n|\n|\r", rest + new_text)
        yield from lines


def count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < LONGEST_STALL_SECONDS:
        raise ValueError(text)
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default=URL, help="%(default)s")
    parser.add_argument("--last-event-id", default="", help="resume after this event")
    parser.add_argument("--count", type=count, help="end after so many events")
    parser.add_argument(
        "--stall-seconds",
        type=seconds,
        default=STALL_SECONDS,
        help="connect again after so much silence (%(default)s)",
    )
    options = parser.parse_args()
    events = read_events(options.url, options.last_event_id, options.stall_seconds)
    try:
        for event in itertools.islice(events, options.count):
            print(f"{event.id} {event.event} {event.data}", flush=True)
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except (httpx2.SSEError, httpx2.UnsupportedProtocol) as error:
        sys.exit(str(error))
    except BrokenPipeError:  # a reader such as `head` has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
