# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2", "stamina"]
# ///
"""Download a file: resumes after a break or a kill, and never joins two versions of the file."""

import argparse
import base64
import hashlib
import random
import re
import sys
from pathlib import Path

import httpx2
import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

URL = "http://127.0.0.1:8000/files/readings.csv"
STALL_SECONDS = 30.0
LONGEST_STALL_SECONDS = 1_000_000.0
DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):")
CONTENT_RANGE = re.compile(r"bytes (\d+)-")
LONGEST_BACKOFF_SECONDS = 60
WORTH_RETRYING = (408, 425, 429)
CHANGED = (412, 416)
# A compressed file has no ranges, and no length to know its end by.
HEADERS = {"Accept-Encoding": "identity", "Want-Repr-Digest": "sha-256=10"}


class Damaged(Exception):
    """What has come is not what the server has."""


class TryLater(httpx2.TransportError):
    """The server answers, but not now; `seconds` is its `Retry-After`, or 0."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(f"The server answers {response.status_code}.")
        seconds = response.headers.get("Retry-After", "")
        self.seconds = int(seconds) if seconds.isdecimal() else 0


# --8<-- [start:download]
def download(
    url: str, target: Path, *, attempts: int = 10, stall_seconds: float = STALL_SECONDS
) -> None:
    """Download `url` to `target`; until it is complete, it is `target` with `.part` behind.

    The ETag is kept beside the part, so that a later call resumes only the same version. It is
    renamed once its length is right, and its SHA-256 where the server says it (RFC 9530).
    Raises `httpx2.HTTPStatusError` when the server refuses the request, the last
    `httpx2.TransportError` when so many `attempts` in a row bring nothing, and `Damaged`, when the
    part is removed.
    """
    part = target.with_name(f"{target.name}.part")
    etag = target.with_name(f"{target.name}.etag")
    complete = False
    while not complete:
        for attempt in stamina.retry_context(
            on=wait_for, attempts=attempts, timeout=None, wait_max=LONGEST_BACKOFF_SECONDS
        ):
            with attempt:
                have = size(part)
                try:
                    download_rest(url, part, etag, stall_seconds)
                    complete = True
                except httpx2.TransportError:
                    if size(part) <= have:
                        raise  # a request that brings bytes starts the count of attempts again
    part.replace(target)
    etag.unlink(missing_ok=True)


# --8<-- [end:download]


def wait_for(error: Exception) -> bool | float:
    """The seconds that the server asks for, a little later than others; else stamina's backoff."""
    seconds = error.seconds if isinstance(error, TryLater) else 0
    return seconds * random.uniform(1, 1.5) or isinstance(error, httpx2.TransportError)  # noqa: S311


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def download_rest(url: str, part: Path, etag: Path, stall_seconds: float) -> None:
    headers = dict(HEADERS)
    # The last byte comes again, so that there is an answer when none is missing, with its digest.
    start = max(size(part) - 1, 0) if etag.exists() else 0
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": etag.read_text()}
    with (
        httpx2.Client(timeout=stall_seconds, follow_redirects=True) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        if response.is_server_error or response.status_code in WORTH_RETRYING:
            raise TryLater(response)
        if start and has_changed(response, start, etag):
            etag.unlink()
            raise httpx2.ReadError("The file has changed.")
        if response.is_error:
            response.read()
        response.raise_for_status()
        if response.status_code not in (httpx2.codes.OK, httpx2.codes.PARTIAL_CONTENT):
            raise httpx2.ReadError(f"The server answers {response.status_code}.")
        receive(response, part, etag)


def has_changed(response: httpx2.Response, start: int, etag: Path) -> bool:
    """Whether the part is of no use any more; a refusal may pass, and says nothing of the file."""
    if response.status_code == httpx2.codes.PARTIAL_CONTENT:
        return not is_rest(response, start, etag)
    return response.status_code in CHANGED


def is_rest(response: httpx2.Response, start: int, etag: Path) -> bool:
    """Whether it is what was asked for: not every cache heeds `If-Range`."""
    found = CONTENT_RANGE.match(response.headers.get("content-range", ""))
    starts_there = found is not None and int(found[1]) == start
    return starts_there and response.headers.get("etag") == etag.read_text()


def receive(response: httpx2.Response, part: Path, etag: Path) -> None:
    found = CONTENT_RANGE.match(response.headers.get("content-range", ""))
    done = int(found[1]) if found else 0
    length = response.headers.get("content-length")
    total = done + int(length) if length else None
    if not found:
        part.write_bytes(b"")  # before its new ETag: a kill must not join two versions
        etag.unlink(missing_ok=True)
        # A weak one does not tell that the bytes are the same.
        if response.headers.get("etag", "").startswith('"'):
            etag.write_text(response.headers["etag"])
    with part.open("r+b") as file:
        file.seek(done)
        for chunk in response.iter_raw():
            file.write(chunk)
            done += len(chunk)
            show_progress(f"{done:,} bytes" + (f" of {total:,}" if total else ""))
    check(part, etag, total, response.headers)


def check(part: Path, etag: Path, total: int | None, headers: httpx2.Headers) -> None:
    digest = DIGEST.search(headers.get("repr-digest", ""))
    if total is None and not digest and "transfer-encoding" not in headers:
        raise Damaged("No length and no digest: nobody can tell whether the file is whole.")
    if total is not None and size(part) != total:
        raise httpx2.ReadError(f"{size(part)} of {total} bytes have come.")
    if digest:
        with part.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").digest()
        if sha256 != base64.b64decode(digest[1]):
            part.unlink()
            etag.unlink(missing_ok=True)
            raise Damaged("The SHA-256 of what has come is not that of the file.")


def show_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}\x1b[K", end="", file=sys.stderr)


def say_retry(details: RetryDetails) -> None:
    show_progress("")
    cause = details.caused_by
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
    parser.add_argument("--to", type=Path, help="where to (default: the name in the URL)")
    parser.add_argument("--attempts", type=count, default=10, help="in a row (%(default)s)")
    parser.add_argument(
        "--stall-seconds",
        type=seconds,
        default=STALL_SECONDS,
        help="connect again after so much silence (%(default)s)",
    )
    options = parser.parse_args()
    target = options.to or Path(Path(httpx2.URL(options.url).path).name)
    set_on_retry_hooks([say_retry])
    try:
        download(
            options.url, target, attempts=options.attempts, stall_seconds=options.stall_seconds
        )
        show_progress("")
        print(f"Saved {target} ({size(target)} bytes)", file=sys.stderr)
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except (httpx2.TransportError, Damaged) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
