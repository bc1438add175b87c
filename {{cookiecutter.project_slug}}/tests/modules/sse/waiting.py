import time
from collections.abc import Callable

import httpx2


def open_streams(http: httpx2.Client, url: str) -> int:
    metrics = http.get(f"{url}/metrics").text.splitlines()
    lines = [line for line in metrics if line.startswith('streaming_streams_open{module="sse"}')]
    return int(float(lines[0].split()[-1])) if lines else 0


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
