# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2", "stamina"]
# ///
"""Read records as JSON Lines: resumes after a break, and refuses a stream without its end."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import httpx2
import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

URL = "http://127.0.0.1:8000/records/readings"

Record = dict[str, Any]


class TruncatedStream(Exception):
    """The stream has ended without an end record that says `complete`."""


# A compressed stream that breaks off cannot be decoded to its end.
BREAKS = (httpx2.TransportError, httpx2.DecodingError, TruncatedStream)


def read_records(url: str, *, attempts: int = 10) -> Iterator[Record]:
    """Yield each record once, in the order of their key; `?limit=` in `url` is kept to.

    After a break the next request goes on behind the last record. With `?follow=true` it waits for
    new ones. Raises `httpx2.HTTPStatusError` when the server refuses the request, and the last
    error when so many `attempts` in a row bring nothing.
    """
    received, cursor = 0, ""
    while True:
        for attempt in stamina.retry_context(on=BREAKS, attempts=attempts, timeout=None):
            with attempt:
                received_before = received
                try:
                    for record in read_once(rest_of(url, received, cursor)):
                        received, cursor = received + 1, record.pop("@cursor")
                        yield record
                    return
                except BREAKS:
                    if received == received_before:
                        raise  # a request that brings a record starts the count of attempts again


def rest_of(url: str, received: int, cursor: str) -> httpx2.URL:
    rest = httpx2.URL(url).copy_remove_param("format")
    rest = rest.copy_merge_params({"end": "true", "cursors": "true"})
    if received:
        rest = rest.copy_set_param("after", cursor)
        if limit := rest.params.get("limit"):
            rest = rest.copy_set_param("limit", int(limit) - received)
    return rest


def read_once(url: httpx2.URL) -> Iterator[Record]:
    if url.params.get("limit") == "0" and "after" in url.params:
        return  # only the end record was missing
    headers = {"Accept": "application/jsonl"}
    with (
        httpx2.Client(timeout=30, follow_redirects=True) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        if response.is_server_error:
            response.read()
            raise httpx2.ReadError(f"The server answers {response.status_code}: {response.text}")
        if response.is_error:
            response.read()
        response.raise_for_status()
        for line in whole_lines(response.iter_bytes()):
            if not line:
                continue  # a heartbeat of a stream that is followed
            record = json.loads(line)
            if "@end" in record:
                if record["@end"]["status"] != "complete":
                    raise TruncatedStream(record["@end"])
                return
            yield record
    raise TruncatedStream("The stream has ended without an end record.")


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Split at line feeds alone; `iter_lines` would also split a text at U+2028."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def say_retry(details: RetryDetails) -> None:
    cause = details.caused_by
    print(f"Again in {details.wait_for:.1f} s: {type(cause).__name__}: {cause}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default=URL, help="%(default)s")
    parser.add_argument("--attempts", type=int, default=10, help="%(default)s")
    options = parser.parse_args()
    set_on_retry_hooks([say_retry])
    try:
        for record in read_records(options.url, attempts=options.attempts):
            print(json.dumps(record, ensure_ascii=False), flush=True)
    except BrokenPipeError:  # a reader such as `head` has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except BREAKS as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
