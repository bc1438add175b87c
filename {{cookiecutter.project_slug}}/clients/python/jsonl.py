# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2", "stamina"]
# ///
"""Read records as JSON Lines: resumes after a break, and refuses a stream without its end."""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import stamina

URL = "http://127.0.0.1:8000/records/readings"

Record = dict[str, Any]


class TruncatedStream(Exception):
    """The stream has ended without an end record that says `complete`."""


def read_records(url: str, *, key: str = "id") -> Iterator[Record]:
    """Yield each record once, in the order of `key`; `?limit=` in `url` is kept to.

    After a break the next request goes on behind the last record. Raises `httpx2.HTTPStatusError`
    when the server refuses the request, and the last error when no retry helps.
    """
    rest: dict[str, Any] = {"end": "true"}
    limit = httpx2.URL(url).params.get("limit")
    received = 0
    for attempt in stamina.retry_context(on=(httpx2.TransportError, TruncatedStream)):
        with attempt:
            if limit is not None and received:
                rest["limit"] = int(limit) - received
            if rest.get("limit") == 0:
                return
            for record in read_once(httpx2.URL(url).copy_merge_params(rest)):
                rest["after"] = record[key]
                received += 1
                yield record


def read_once(url: httpx2.URL) -> Iterator[Record]:
    headers = {"Accept": "application/jsonl"}
    with httpx2.stream("GET", url, headers=headers, timeout=30) as response:
        if response.is_error:
            response.read()
        response.raise_for_status()
        for line in response.iter_lines():
            record = json.loads(line)
            if "@end" in record:
                if record["@end"]["status"] != "complete":
                    raise TruncatedStream(record["@end"])
                return
            yield record
    raise TruncatedStream("The stream has ended without an end record.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default=URL, help="%(default)s")
    options = parser.parse_args()
    try:
        for record in read_records(options.url):
            print(json.dumps(record, ensure_ascii=False))
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except (httpx2.TransportError, TruncatedStream) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
