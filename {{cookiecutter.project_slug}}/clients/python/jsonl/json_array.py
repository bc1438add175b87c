# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2", "ijson"]
# ///
"""Read records from one JSON array while it comes: a few are in memory, and not all.

It cannot be resumed, as JSON Lines can.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import ijson

URL = "http://127.0.0.1:8000/records/readings"
LONGEST_STALL_SECONDS = 1_000_000.0


# --8<-- [start:read]
def read_array(url: str, *, stall_seconds: float = 30) -> Iterator[dict[str, Any]]:
    """Yield each element; integers are exact.

    Raises `httpx2.HTTPStatusError`, `httpx2.TransportError` or `httpx2.DecodingError`, and
    `ijson.IncompleteJSONError` when the closing bracket is missing.
    """
    headers = {"Accept": "application/json"}
    with httpx2.stream("GET", url, headers=headers, timeout=stall_seconds) as response:
        if response.is_error:
            response.read()
        response.raise_for_status()
        # Without `use_float` numbers with a point would be Decimals.
        yield from ijson.items(ijson.from_iter(response.iter_bytes()), "item", use_float=True)


# --8<-- [end:read]


def seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < LONGEST_STALL_SECONDS:
        raise ValueError(text)
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default=URL, help="%(default)s")
    parser.add_argument("--stall-seconds", type=seconds, default=30, help="%(default)s")
    options = parser.parse_args()
    try:
        for record in read_array(options.url, stall_seconds=options.stall_seconds):
            print(json.dumps(record, ensure_ascii=False))
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except (httpx2.TransportError, httpx2.DecodingError, ijson.IncompleteJSONError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
