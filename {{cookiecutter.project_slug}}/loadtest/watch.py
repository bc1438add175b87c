"""Watches the service from a process of its own: `python -m loadtest.watch URL`.

Writes a line of JSON four times a second: what `/metrics` says, and how late `/healthz` answered.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Thread
from time import monotonic, sleep, time
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

PROBES_PER_SECOND = 50
SAMPLE_SECONDS = 0.25
TIMEOUT_SECONDS = 10.0
FIGURES = {
    "process_resident_memory_bytes": "memory",
    "process_cpu_seconds_total": "cpu_seconds",
    "process_open_fds": "descriptors",
    "streaming_streams_open": "streams",
}


class Client:
    """Asks one service, over one connection for as long as that works."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.netloc, timeout=TIMEOUT_SECONDS)
        self._prefix = parts.path.rstrip("/")

    def get(self, path: str) -> str:
        """Raises `OSError` when there is no answer."""
        try:
            self._connection.request("GET", self._prefix + path)
            return self._connection.getresponse().read().decode()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise OSError(str(error)) from error


def probe(client: Client, delays: list[tuple[float, float]]) -> None:
    """Add when each answer of `/healthz` was due, and how late it was.

    An answer that is late is that of all that were due before it was asked for.
    """
    due = time()
    while True:
        sleep(max(0.0, due - time()))
        asked = time()
        with suppress(OSError):
            client.get("/healthz")
        answered = time()
        while due <= asked:
            delays.append((due, answered - due))
            due += 1 / PROBES_PER_SECOND


def sample(client: Client) -> dict[str, float]:
    figures: dict[str, float] = {}
    for family in text_string_to_metric_families(client.get("/metrics")):
        for each in family.samples:
            if name := FIGURES.get(each.name):
                figures[name] = figures.get(name, 0.0) + each.value
    return figures


def watch(url: str) -> Iterator[dict[str, object]]:
    delays: list[tuple[float, float]] = []
    Thread(target=probe, args=(Client(url), delays), daemon=True).start()
    client, cpu_seconds, before = Client(url), None, monotonic()
    while True:
        sleep(SAMPLE_SECONDS)
        try:
            figures = sample(client)
        except OSError:
            figures = {}
        used, now = figures.pop("cpu_seconds", None), monotonic()
        if used is not None and cpu_seconds is not None:
            figures["cpu"] = (used - cpu_seconds) / (now - before)
        cpu_seconds, before = used, now
        taken = delays[:]
        del delays[: len(taken)]
        yield {"at": time(), "figures": figures, "delays": taken}


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        for line in watch(sys.argv[1]):
            print(json.dumps(line), flush=True)
