# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2", "stamina"]
# ///
"""Read records as JSON Lines: resumes after a break, and refuses a stream without its end."""

import argparse
import json
import os
import random
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import httpx2
import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

URL = "http://127.0.0.1:8000/records/readings"
STALL_SECONDS = 30.0
LONGEST_STALL_SECONDS = 1_000_000.0
LONGEST_BACKOFF_SECONDS = 60
WORTH_RETRYING = (408, 425, 429)

Record = dict[str, Any]


class TruncatedStream(Exception):
    """The stream has ended without an end record that says `complete`."""


class TryLater(httpx2.TransportError):
    """The server answers, but not now; `seconds` is its `Retry-After`, or 0."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(f"The server answers {response.status_code}: {response.text}")
        seconds = response.headers.get("Retry-After", "")
        self.seconds = int(seconds) if seconds.isdecimal() else 0


# A compressed stream that breaks off cannot be decoded to its end.
BREAKS = (httpx2.TransportError, httpx2.DecodingError, TruncatedStream)


# --8<-- [start:read]
def read_records(
    url: str, *, attempts: int = 10, stall_seconds: float = STALL_SECONDS
) -> Iterator[Record]:
    """Yield each record once, in the order of their key; `?limit=` in `url` is kept to.

    After a break the next request goes on behind the last record. With `?follow=true` it waits for
    new ones. Raises `httpx2.HTTPStatusError` when the server refuses the request, and the last of
    `BREAKS` when so many `attempts` in a row bring nothing.
    """
    for records in read_batches(url, attempts=attempts, stall_seconds=stall_seconds):
        yield from records


def read_batches(
    url: str, *, attempts: int = 10, stall_seconds: float = STALL_SECONDS
) -> Iterator[list[Record]]:
    """Yield what `read_records` does, as many together as have come together."""
    received, cursor = 0, ""
    retrying = stamina.retry_context(
        on=wait_for, attempts=attempts, timeout=None, wait_max=LONGEST_BACKOFF_SECONDS
    )
    while True:
        for attempt in retrying:
            with attempt:
                is_news = False
                try:
                    for records in read_once(rest_of(url, received, cursor), stall_seconds):
                        is_news = True
                        if records:
                            received += len(records)
                            cursor = [record.pop("@cursor") for record in records][-1]
                            yield records
                    return
                except BREAKS:
                    if not is_news:
                        raise  # a request that brings something starts the count again


# --8<-- [end:read]


def wait_for(error: Exception) -> bool | float:
    """The seconds that the server asks for, a little later than others; else stamina's backoff."""
    seconds = error.seconds if isinstance(error, TryLater) else 0
    return seconds * random.uniform(1, 1.5) or isinstance(error, BREAKS)  # noqa: S311


def rest_of(url: str, received: int, cursor: str) -> httpx2.URL:
    rest = httpx2.URL(url).copy_remove_param("format")
    rest = rest.copy_merge_params({"end": "true", "cursors": "true"})
    if received:
        rest = rest.copy_set_param("after", cursor)
        if limit := rest.params.get("limit"):
            rest = rest.copy_set_param("limit", int(limit) - received)
    return rest


def read_once(url: httpx2.URL, stall_seconds: float) -> Iterator[list[Record]]:
    """Yield the records of each chunk; none is a heartbeat."""
    if url.params.get("limit") == "0" and "after" in url.params:
        return  # only the end record was missing
    headers = {"Accept": "application/jsonl"}
    with (
        httpx2.Client(timeout=stall_seconds, follow_redirects=True) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        check(response)
        for lines in whole_lines(response.iter_bytes()):
            records = [json.loads(line) for line in lines if line]
            if records and "@end" in records[-1]:
                end = records.pop()["@end"]
                yield records
                if end["status"] != "complete":
                    raise TruncatedStream(end)
                return
            yield records
    raise TruncatedStream("The stream has ended without an end record.")


def check(response: httpx2.Response) -> None:
    if response.is_error:
        response.read()
    if response.is_server_error or response.status_code in WORTH_RETRYING:
        raise TryLater(response)
    response.raise_for_status()


def whole_lines(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The lines that have ended with each chunk, at line feeds alone.

    `iter_lines` would also split a text at U+2028.
    """
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield lines


def show_progress(text: str) -> None:
    if sys.stderr.isatty() and not sys.stdout.isatty():
        print(f"\r{text}\x1b[K", end="", file=sys.stderr)


def say_retry(details: RetryDetails) -> None:
    cause = details.caused_by
    show_progress("")
    print(f"Again in {details.wait_for:.1f} s: {type(cause).__name__}: {cause}", file=sys.stderr)


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
    parser.add_argument("--attempts", type=count, default=10, help="in a row (%(default)s)")
    parser.add_argument(
        "--stall-seconds",
        type=seconds,
        default=STALL_SECONDS,
        help="connect again after so much silence (%(default)s)",
    )
    options = parser.parse_args()
    set_on_retry_hooks([say_retry])
    try:
        print_records(options)
    except BrokenPipeError:  # a reader such as `head` has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except BREAKS as error:
        sys.exit(f"{type(error).__name__}: {error}")


def print_records(options: argparse.Namespace) -> None:
    count = 0
    for records in read_batches(
        options.url, attempts=options.attempts, stall_seconds=options.stall_seconds
    ):
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        print("\n".join(lines), flush=True)
        count += len(records)
        show_progress(f"{count:,} records")
    show_progress("")


if __name__ == "__main__":
    main()
