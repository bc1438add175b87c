import time
from collections.abc import Callable

from tests.streaming.fixtures import SOON_SECONDS


def wait_until(is_so: Callable[[], object], seconds: float = SOON_SECONDS) -> None:
    """Look again and again; it is an error where it is not so in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
