# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2"]
# ///
"""Save an export to a file, which gets its name only when the export is complete."""

import argparse
import json
import sys
from pathlib import Path

import httpx2

URL = "http://127.0.0.1:8000/exports/readings"
PARQUET_FOOTER = b"PAR1"
ARROW_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
TAIL_BYTES = 64 * 1024


class TruncatedExport(Exception):
    """The file does not end as a complete export of its format does."""


def save_export(url: str, target: Path, format: str) -> None:
    """Save the export to `target`; until it is complete, it is `target` with `.part` behind.

    CSV has no end of its own: there only the connection tells that something is missing, and a
    proxy that speaks HTTP/1.0 can hide that. Raises `TruncatedExport`, `httpx2.TransportError` or
    `httpx2.DecodingError` when the export is not complete, and `httpx2.HTTPStatusError` when the
    server refuses the request.
    """
    part = target.with_name(f"{target.name}.part")
    query = httpx2.URL(url).copy_merge_params({"format": format, "end": "true"})
    with httpx2.stream("GET", query, timeout=60, follow_redirects=True) as response:
        if response.is_error:
            response.read()
        response.raise_for_status()
        with part.open("wb") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)
                show_progress(f"{response.num_bytes_downloaded:,} bytes")
    check_end(part, format)
    part.replace(target)


def show_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}\x1b[K", end="", file=sys.stderr)


def check_end(path: Path, format: str) -> None:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - TAIL_BYTES, 0))
        tail = file.read()
    if format == "parquet" and not tail.endswith(PARQUET_FOOTER):
        raise TruncatedExport("The Parquet footer is missing.")
    if format == "arrow" and not tail.endswith(ARROW_END_OF_STREAM):
        raise TruncatedExport("The end-of-stream marker is missing.")
    if format == "jsonl":
        last_line = tail.splitlines()[-1] if tail.endswith(b"\n") else b""
        if not last_line.startswith(b'{"@end": '):
            raise TruncatedExport("The end record is missing.")
        if json.loads(last_line)["@end"]["status"] != "complete":
            raise TruncatedExport(last_line.decode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default=URL, help="%(default)s")
    parser.add_argument("--format", choices=["csv", "jsonl", "parquet", "arrow"], default="parquet")
    parser.add_argument("--to", type=Path, help="where to (default: the name of the table)")
    options = parser.parse_args()
    table = Path(httpx2.URL(options.url).path).name
    target = options.to or Path(f"{table}.{options.format}")
    try:
        save_export(options.url, target, options.format)
        show_progress("")
        print(f"Saved {target} ({target.stat().st_size} bytes)", file=sys.stderr)
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except (httpx2.TransportError, httpx2.DecodingError, TruncatedExport) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
