# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2", "stamina"]
# ///
"""Download a file: resumes after a break or a kill, and never joins two versions of the file."""

import argparse
import sys
from pathlib import Path

import httpx2
import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

URL = "http://127.0.0.1:8000/files/readings.csv"


def download(url: str, target: Path, *, attempts: int = 10) -> None:
    """Download `url` to `target`; until it is complete, it is `target` with `.part` behind.

    The ETag is kept beside the part, so that a later call resumes only the same version.
    Raises `httpx2.HTTPStatusError` when the server refuses the request, and the last
    `httpx2.TransportError` when so many `attempts` in a row bring nothing.
    """
    part = target.with_name(f"{target.name}.part")
    etag = target.with_name(f"{target.name}.etag")
    complete = False
    while not complete:
        for attempt in stamina.retry_context(
            on=httpx2.TransportError, attempts=attempts, timeout=None
        ):
            with attempt:
                have = size(part)
                try:
                    download_rest(url, part, etag)
                    complete = True
                except httpx2.TransportError:
                    if size(part) <= have:
                        raise  # a request that brings bytes starts the count of attempts again
    part.replace(target)
    etag.unlink(missing_ok=True)


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def download_rest(url: str, part: Path, etag: Path) -> None:
    have = size(part) if etag.exists() else 0
    # A compressed file has no ranges, and no length to know its end by.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": etag.read_text()}
    with (
        httpx2.Client(timeout=30, follow_redirects=True) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        if response.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE:
            if response.headers["content-range"] == f"bytes */{have}":
                return  # all bytes are there already
            etag.unlink()
            raise httpx2.ReadError("The file has changed.")
        if response.is_server_error:
            raise httpx2.ReadError(f"The server answers {response.status_code}.")
        if response.is_error:
            response.read()
        response.raise_for_status()
        resumed = response.status_code == httpx2.codes.PARTIAL_CONTENT
        if resumed and not is_rest(response, have, etag.read_text()):
            etag.unlink()
            raise httpx2.ReadError("The file has changed.")
        done = have if resumed else 0
        total = done + int(response.headers["content-length"])
        etag.write_text(response.headers["etag"])
        with part.open("ab" if resumed else "wb") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)
                done += len(chunk)
                show_progress(f"{done:,} of {total:,} bytes")


def is_rest(response: httpx2.Response, have: int, etag: str) -> bool:
    """Whether it is what was asked for: not every cache heeds `If-Range`."""
    starts_there = response.headers["content-range"].startswith(f"bytes {have}-")
    return starts_there and response.headers.get("etag") == etag


def show_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}\x1b[K", end="", file=sys.stderr)


def say_retry(details: RetryDetails) -> None:
    show_progress("")
    cause = details.caused_by
    print(f"Again in {details.wait_for:.1f} s: {type(cause).__name__}: {cause}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default=URL, help="%(default)s")
    parser.add_argument("--to", type=Path, help="where to (default: the name in the URL)")
    parser.add_argument("--attempts", type=int, default=10, help="%(default)s")
    options = parser.parse_args()
    target = options.to or Path(Path(httpx2.URL(options.url).path).name)
    set_on_retry_hooks([say_retry])
    try:
        download(options.url, target, attempts=options.attempts)
        show_progress("")
        print(f"Saved {target} ({size(target)} bytes)", file=sys.stderr)
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except httpx2.TransportError as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
