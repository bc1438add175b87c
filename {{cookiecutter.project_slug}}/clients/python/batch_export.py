# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2", "stamina"]
# ///
"""Save an export, which gets its name only when it is complete: direct, or as a job.

A job is made by the service in segments, which come in parallel and are checked by their digests.
Call it again to resume. CSV is a job unless you say --direct: nothing else tells where it ends.
"""

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import httpx2
import stamina

URL = "http://127.0.0.1:8000/exports/readings"
PARQUET_FOOTER = b"PAR1"
ARROW_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
TAIL_BYTES = 64 * 1024
PIECE_BYTES = 1024 * 1024
TIMEOUT_SECONDS = 60
ATTEMPTS = 10
PARALLEL = 4
UNFINISHED = {"accepted", "running"}


class TruncatedExport(Exception):
    """The file does not end as a complete export of its format does."""


class JobFailed(Exception):
    """The service has not made the export; the text says why."""


class Damaged(httpx2.TransportError):
    """What has come is not what the service has made."""


def save_export(url: str, target: Path, format: str) -> None:
    """Save the export to `target`; until it is complete, it is `target` with `.part` behind.

    CSV has no end of its own: there only the connection tells that something is missing, and a
    proxy that speaks HTTP/1.0 can hide that. Raises `TruncatedExport`, `httpx2.TransportError` or
    `httpx2.DecodingError` when the export is not complete, and `httpx2.HTTPStatusError` when the
    server refuses the request.
    """
    part = target.with_name(f"{target.name}.part")
    query = httpx2.URL(url).copy_merge_params({"format": format, "end": "true"})
    with httpx2.stream("GET", query, timeout=TIMEOUT_SECONDS, follow_redirects=True) as response:
        check_status(response)
        with part.open("wb") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)
                show_progress(f"{response.num_bytes_downloaded:,} bytes")
    check_end(part, format)
    part.replace(target)


def check_status(response: httpx2.Response) -> None:
    if response.is_error:
        response.read()
    response.raise_for_status()


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


def save_job(url: str, target: Path, format: str, *, parallel: int = PARALLEL) -> None:
    """Save the export to `target`: CSV and JSON Lines as one file, others as a folder of files.

    What has come lies in a folder of that name with `.parts` behind, where a later call goes on
    with the same job. Raises `JobFailed`, `httpx2.HTTPStatusError` when the server refuses a
    request, and the last `httpx2.TransportError` when ten attempts at one have failed.
    """
    parts = target.with_name(f"{target.name}.parts")
    with httpx2.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as client:
        job_url = find_job(client, parts, url, format)
        segments = wait_for_segments(client, job_url)
        files = [parts / f"{number:05}.{format}" for number in range(1, len(segments) + 1)]
        fetch_all(client, job_url, segments, files, parallel)
        if format in {"csv", "jsonl"}:
            joined = parts / "joined"
            join(files, joined, has_header=format == "csv")
            joined.replace(target)
            shutil.rmtree(parts)
        else:
            (parts / "job.json").unlink()
            remove(target)
            parts.replace(target)
        client.delete(job_url)  # it would be there until it expires


def find_job(client: httpx2.Client, parts: Path, url: str, format: str) -> str:
    """The URL of the job of an earlier call for the same, if it is still there, or of a new one."""
    note = parts / "job.json"
    if note.exists():
        job = json.loads(note.read_text())
        if job["asked"] == [url, format] and is_of_use(client, job["url"]):
            return job["url"]
    remove(parts)
    job_url = start_job(client, httpx2.URL(url), format)
    parts.mkdir()
    note.write_text(json.dumps({"asked": [url, format], "url": job_url}))
    return job_url


def start_job(client: httpx2.Client, url: httpx2.URL, format: str) -> str:
    before, _, source = url.path.rpartition("/exports/")
    body: dict[str, Any] = {"source": source, "format": format}
    for name, value in url.params.multi_items():
        body.setdefault(name, []).append(value)
    exports = url.copy_with(path=f"{before}/exports", query=None)
    # Who asks again, as the answer was lost, gets the same job.
    key = {"Idempotency-Key": str(uuid4())}
    response = again(client.post, exports, json=body, headers=key)
    return str(response.url.join(response.headers["location"]))


def is_of_use(client: httpx2.Client, job_url: str) -> bool:
    try:
        return again(client.get, job_url).json()["status"] in {*UNFINISHED, "complete"}
    except httpx2.HTTPStatusError:
        return False


def again(request: Callable[..., httpx2.Response], *arguments: Any, **options: Any) -> Any:
    """The answer, which is asked for again while there is none."""
    for attempt in stamina.retry_context(httpx2.TransportError, attempts=ATTEMPTS, timeout=None):
        with attempt:
            response = request(*arguments, **options)
            check_there(response)
            check_status(response)
    return response


def check_there(response: httpx2.Response) -> None:
    """A server that is away for a moment is no refusal."""
    if response.is_server_error:
        raise httpx2.ReadError(f"The server answers {response.status_code}.")


def wait_for_segments(client: httpx2.Client, job_url: str) -> list[dict[str, Any]]:
    while True:
        response = again(client.get, job_url)
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
    client: httpx2.Client,
    job_url: str,
    segments: list[dict[str, Any]],
    files: list[Path],
    parallel: int,
) -> None:
    total = sum(segment["bytes"] for segment in segments)

    def show(_: object) -> None:
        show_progress(f"{sum(map(size, files)):,} of {total:,} bytes")

    with ThreadPoolExecutor(parallel) as threads:
        fetch = partial(fetch_segment, client, job_url, show)
        for _ in threads.map(fetch, segments, files):
            pass


def fetch_segment(
    client: httpx2.Client,
    job_url: str,
    show: Callable[[object], None],
    segment: dict[str, Any],
    file: Path,
) -> None:
    """Fetch what is missing of a segment, until it has its length and its digest."""
    if is_whole(file, segment):
        return
    url = httpx2.URL(job_url).join(segment["url"])
    for attempt in stamina.retry_context(httpx2.TransportError, attempts=ATTEMPTS, timeout=None):
        with attempt:
            fetch_rest(client, url, segment, file, show)
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
        check_there(response)
        check_status(response)
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
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", nargs="?", default=URL, help="%(default)s")
    parser.add_argument("--format", choices=["csv", "jsonl", "parquet", "arrow"], default="parquet")
    parser.add_argument("--to", type=Path, help="where to (default: the name of the table)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--job", action="store_true", help="as a job (default for CSV)")
    how.add_argument("--direct", action="store_true", help="as one stream (default otherwise)")
    parser.add_argument("--parallel", type=int, default=PARALLEL, help="segments at once")
    options = parser.parse_args()
    table = Path(httpx2.URL(options.url).path).name
    target = options.to or Path(f"{table}.{options.format}")
    try:
        if options.job or (options.format == "csv" and not options.direct):
            save_job(options.url, target, options.format, parallel=options.parallel)
        else:
            save_export(options.url, target, options.format)
        show_progress("")
        files = target.iterdir() if target.is_dir() else [target]
        print(f"Saved {target} ({sum(map(size, files))} bytes)", file=sys.stderr)
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except (httpx2.TransportError, httpx2.DecodingError, TruncatedExport, JobFailed) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
