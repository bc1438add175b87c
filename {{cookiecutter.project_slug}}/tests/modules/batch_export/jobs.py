"""Jobs as a client sees them."""

import hashlib
import time
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from tests.streaming import waiting

SECONDS = 30
OVER = {"complete", "failed", "cancelled"}
wait_until = partial(waiting.wait_until, seconds=SECONDS)


class Jobs:
    """Asks one service for jobs, and reads what they have made."""

    def __init__(self, http: httpx2.Client, url: str) -> None:
        self.http = http
        self.url = url

    def post(self, source: str, *, headers: dict[str, str] | None = None, **body: Any) -> Any:
        content = {"source": source, **body}
        return self.http.post(f"{self.url}/exports", json=content, headers=headers)

    def start(self, source: str, **body: Any) -> str:
        """The path of the job."""
        response = self.post(source, **body)
        assert response.status_code == 202, response.text
        return response.headers["location"]

    def read(self, path: str) -> dict[str, Any]:
        response = self.http.get(self.url + path)
        assert response.status_code == 200, response.text
        assert ("retry-after" in response.headers) == (response.json()["status"] not in OVER)
        return response.json()

    def wait(self, path: str, status: str = "complete") -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while (job := self.read(path))["status"] not in OVER:
            assert time.monotonic() < deadline, job
            time.sleep(0.05)
        assert job["status"] == status, job
        return job

    def fetch(self, segment: dict[str, Any], **headers: str) -> bytes:
        """The body, which is checked."""
        response = self.http.get(self.url + segment["url"], headers=headers)
        assert response.status_code == 200, response.text
        assert len(response.content) == segment["bytes"]
        assert hashlib.sha256(response.content).hexdigest() == segment["sha256"]
        return response.content


def files_of(storage: Path) -> set[str]:
    """The segments that are on disk, whole or not."""
    return {path.name for path in storage.glob("*/*")}


def sizes_of(storage: Path) -> list[int]:
    return [path.stat().st_size for path in storage.glob("*/*")]


def wait_for_files(storage: Path, count: int) -> None:
    wait_until(lambda: len(files_of(storage)) >= count)
