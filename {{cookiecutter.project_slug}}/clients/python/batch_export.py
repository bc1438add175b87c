# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2", "stamina"]
# ///
"""Save an export, which gets its name only when it is complete: direct, or as a job.

A job is made by the service in segments, which come in parallel and are checked by their digests.
Call it again to resume. CSV is always a job: nothing else tells where it ends.
"""

import argparse
import hashlib
import json
import random
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from uuid import uuid4

import httpx2
import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

URL = "http://127.0.0.1:8000/exports/readings"
PARQUET_FOOTER = b"PAR1"
ARROW_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
TAIL_BYTES = 64 * 1024
PIECE_BYTES = 1024 * 1024
STALL_SECONDS = 60.0
LONGEST_STALL_SECONDS = 1_000_000.0
LONGEST_BACKOFF_SECONDS = 60
ATTEMPTS = 10
PARALLEL = 4
UNFINISHED = {"accepted", "running"}
WORTH_RETRYING = (408, 425, 429)
NO_LONGER_THERE = (404, 410)
JOINED = {"csv", "jsonl"}
SEGMENT = re.compile("[0-9]{5,}")


class TruncatedExport(Exception):
    """The file does not end as a complete export of its format does."""


class JobFailed(Exception):
    """The service has not made the export; the text says why."""


class Damaged(httpx2.TransportError):
    """What has come is not what the service has made."""


class TryLater(httpx2.TransportError):
    """The server answers, but not now; `seconds` is its `Retry-After`, or 0."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(f"The server answers {response.status_code}.")
        seconds = response.headers.get("Retry-After", "")
        self.seconds = int(seconds) if seconds.isdecimal() else 0


# A compressed stream that breaks off cannot be decoded to its end.
BREAKS = (httpx2.TransportError, httpx2.DecodingError, TruncatedExport)


# --8<-- [start:save]
def save_export(
    url: str,
    target: Path,
    format: str,
    *,
    attempts: int = ATTEMPTS,
    stall_seconds: float = STALL_SECONDS,
) -> None:
    """Save the export to `target`; until it is complete, it is `target` with `.part` behind.

    One that breaks off is begun again. CSV has no end of its own: there only the connection tells
    that something is missing, and a proxy that speaks HTTP/1.0 can hide that. Raises
    `FileExistsError` when `target` is a folder, `httpx2.HTTPStatusError` when the server refuses
    the request, and the last of `BREAKS` after so many `attempts`.
    """
    check_target(target, format, is_folder=False)
    part = target.with_name(f"{target.name}.part")
    query = httpx2.URL(url).copy_merge_params({"format": format, "end": "true"})
    for attempt in retrying(attempts):
        with (
            attempt,
            httpx2.stream("GET", query, timeout=stall_seconds, follow_redirects=True) as response,
        ):
            check(response)
            with part.open("wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
                    show_progress(f"{response.num_bytes_downloaded:,} bytes")
            check_end(part, format)
    part.replace(target)


# --8<-- [end:save]


def retrying(attempts: int) -> Iterable[stamina.Attempt]:
    return stamina.retry_context(
        on=wait_for, attempts=attempts, timeout=None, wait_max=LONGEST_BACKOFF_SECONDS
    )


def wait_for(error: Exception) -> bool | float:
    """The seconds that the server asks for, a little later than others; else stamina's backoff."""
    seconds = error.seconds if isinstance(error, TryLater) else 0
    return seconds * random.uniform(1, 1.5) or isinstance(error, BREAKS)  # noqa: S311


def check(response: httpx2.Response) -> None:
    if response.is_server_error or response.status_code in WORTH_RETRYING:
        raise TryLater(response)
    if response.is_error:
        response.read()
    response.raise_for_status()


def show_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}\x1b[K", end="", file=sys.stderr)


def say_retry(details: RetryDetails) -> None:
    cause = details.caused_by
    show_progress("")
    print(f"Again in {details.wait_for:.1f} s: {type(cause).__name__}: {cause}", file=sys.stderr)


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


class Service(NamedTuple):
    client: httpx2.Client
    attempts: int

    def ask(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Response:
        """The answer, which is asked for again while there is none."""
        for attempt in retrying(self.attempts):
            with attempt:
                response = self.client.request(method, url, **options)
                check(response)
        return response


# --8<-- [start:job]
def save_job(
    url: str,
    target: Path,
    format: str,
    *,
    parallel: int = PARALLEL,
    attempts: int = ATTEMPTS,
    stall_seconds: float = STALL_SECONDS,
) -> None:
    """Save the export to `target`: CSV and JSON Lines as one file, others as a folder of files.

    What has come lies in a folder of that name with `.parts` behind, where a later call goes on
    with the same job. Raises `FileExistsError` when `target` is a folder with anything but such
    files, `JobFailed`, `httpx2.HTTPStatusError` when the server refuses a request, and the last
    `httpx2.TransportError` when so many `attempts` at one have failed.
    """
    is_folder = format not in JOINED
    check_target(target, format, is_folder=is_folder)
    parts = target.with_name(f"{target.name}.parts")
    with httpx2.Client(timeout=stall_seconds, follow_redirects=True) as client:
        service = Service(client, attempts)
        job_url = find_job(service, parts, url, format)
        segments = wait_for_segments(service, job_url)
        files = [parts / f"{number:05}.{format}" for number in range(1, len(segments) + 1)]
        fetch_all(service, job_url, segments, files, parallel)
        if is_folder:
            check_target(target, format, is_folder=True)  # the job may have taken hours
            (parts / "job.json").unlink()
            remove(target)
            parts.replace(target)
        else:
            joined = parts / "joined"
            join(files, joined, has_header=format == "csv")
            joined.replace(target)
            shutil.rmtree(parts)
        with suppress(httpx2.TransportError):
            client.delete(job_url)  # it would be there until it expires


# --8<-- [end:job]


def check_target(target: Path, format: str, *, is_folder: bool) -> None:
    """Raise `FileExistsError` for a folder with more than an export that another may replace."""
    if not target.is_dir():
        return
    if not is_folder:
        raise FileExistsError(f"{target} is a folder.")
    for path in target.iterdir():
        is_segment = SEGMENT.fullmatch(path.stem) and path.suffix == f".{format}"
        if not (is_segment and path.is_file()):
            raise FileExistsError(f"{target} is a folder with more than an export: {path.name}")


def find_job(service: Service, parts: Path, url: str, format: str) -> str:
    """The URL of the job of an earlier call for the same, if it is still there, or of a new one."""
    note = parts / "job.json"
    if note.exists():
        job = json.loads(note.read_text())
        if job["asked"] == [url, format] and is_of_use(service, job["url"]):
            return job["url"]
    remove(parts)
    job_url = start_job(service, httpx2.URL(url), format)
    parts.mkdir()
    note.write_text(json.dumps({"asked": [url, format], "url": job_url}))
    return job_url


def start_job(service: Service, url: httpx2.URL, format: str) -> str:
    before, _, source = url.path.rpartition("/exports/")
    body: dict[str, Any] = {"source": source, "format": format}
    for name, value in url.params.multi_items():
        body.setdefault(name, []).append(value)
    exports = url.copy_with(path=f"{before}/exports", query=None)
    # Who asks again, as the answer was lost, gets the same job.
    key = {"Idempotency-Key": str(uuid4())}
    response = service.ask("POST", exports, json=body, headers=key)
    return str(join_within(response.url, response.headers["location"]))


def join_within(base: httpx2.URL, reference: str) -> httpx2.URL:
    """Join, but within one origin: what a service says leads no token to another."""
    url = base.join(reference)
    if (url.scheme, url.host, url.port) != (base.scheme, base.host, base.port):
        raise JobFailed(f"The service names a URL of another origin: {url}")
    return url


def is_of_use(service: Service, job_url: str) -> bool:
    try:
        return service.ask("GET", job_url).json()["status"] in {*UNFINISHED, "complete"}
    except httpx2.HTTPStatusError as error:
        if error.response.status_code in NO_LONGER_THERE:
            return False
        raise  # a refusal that passes, as of a token that has expired


def wait_for_segments(service: Service, job_url: str) -> list[dict[str, Any]]:
    while True:
        response = service.ask("GET", job_url)
        job = response.json()
        if job["status"] == "complete":
            return job["segments"]
        if job["status"] not in UNFINISHED:
            problem = job["problem"] or {}
            raise JobFailed(problem.get("detail", f"The job is {job['status']}."))
        show_progress(describe(job["progress"]))
        time.sleep(float(response.headers.get("retry-after", 1)))


def describe(progress: dict[str, Any]) -> str:
    text = f"The service has made {progress['rows']:,} rows, {progress['bytes']:,} bytes"
    if progress["percent"] is not None:
        text += f", {progress['percent']:.0f} %, {progress['seconds_left']:.0f} s left"
    return text


def fetch_all(
    service: Service,
    job_url: str,
    segments: list[dict[str, Any]],
    files: list[Path],
    parallel: int,
) -> None:
    total = sum(segment["bytes"] for segment in segments)

    def show(_: object) -> None:
        show_progress(f"{sum(map(size, files)):,} of {total:,} bytes")

    with ThreadPoolExecutor(parallel) as threads:
        fetch = partial(fetch_segment, service, job_url, show)
        for _ in threads.map(fetch, segments, files):
            pass


def fetch_segment(
    service: Service,
    job_url: str,
    show: Callable[[object], None],
    segment: dict[str, Any],
    file: Path,
) -> None:
    """Fetch what is missing of a segment, until it has its length and its digest."""
    if is_whole(file, segment):
        return
    url = join_within(httpx2.URL(job_url), segment["url"])
    for attempt in retrying(service.attempts):
        with attempt:
            fetch_rest(service.client, url, segment, file, show)
            if not is_whole(file, segment):
                raise Damaged(f"{url} is not whole, or not what the service has made.")


def fetch_rest(
    client: httpx2.Client,
    url: httpx2.URL,
    segment: dict[str, Any],
    file: Path,
    show: Callable[[object], None],
) -> None:
    headers = {"Accept-Encoding": "identity"}
    if 0 < size(file) < segment["bytes"]:
        headers |= {"Range": f"bytes={size(file)}-", "If-Range": f'"{segment["sha256"]}"'}
    with client.stream("GET", url, headers=headers) as response:
        check(response)
        is_rest = response.status_code == httpx2.codes.PARTIAL_CONTENT
        with file.open("ab" if is_rest else "wb") as out:
            for chunk in response.iter_raw():
                out.write(chunk)
                show(chunk)


def is_whole(file: Path, segment: dict[str, Any]) -> bool:
    if size(file) != segment["bytes"]:
        return False
    with file.open("rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() == segment["sha256"]:
            return True
    file.unlink()
    return False


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def join(files: list[Path], target: Path, *, has_header: bool) -> None:
    """Write the segments one behind the other, with one header."""
    with target.open("wb") as out:
        for number, path in enumerate(files):
            with path.open("rb") as file:
                if has_header and number:
                    skip_header(file)
                shutil.copyfileobj(file, out, PIECE_BYTES)


def skip_header(file: BinaryIO) -> None:
    """A column's name may have line ends, within quotes."""
    header = file.readline()
    while header.count(b'"') % 2:
        header += file.readline()


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", nargs="?", default=URL, help="%(default)s")
    parser.add_argument("--format", choices=["csv", "jsonl", "parquet", "arrow"], default="parquet")
    parser.add_argument("--to", type=Path, help="where to (default: the name of the table)")
    parser.add_argument("--job", action="store_true", help="as a job, as CSV always is")
    parser.add_argument("--parallel", type=count, default=PARALLEL, help="segments at once")
    parser.add_argument(
        "--attempts", type=count, default=ATTEMPTS, help="at a request (%(default)s)"
    )
    parser.add_argument(
        "--stall-seconds",
        type=seconds,
        default=STALL_SECONDS,
        help="ask again after so much silence (%(default)s)",
    )
    options = parser.parse_args()
    table = Path(httpx2.URL(options.url).path).name
    target = options.to or Path(f"{table}.{options.format}")
    limits = {"attempts": options.attempts, "stall_seconds": options.stall_seconds}
    set_on_retry_hooks([say_retry])
    try:
        if options.job or options.format == "csv":
            save_job(options.url, target, options.format, parallel=options.parallel, **limits)
        else:
            save_export(options.url, target, options.format, **limits)
        show_progress("")
        files = target.iterdir() if target.is_dir() else [target]
        print(f"Saved {target} ({sum(map(size, files))} bytes)", file=sys.stderr)
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except (*BREAKS, JobFailed, FileExistsError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
