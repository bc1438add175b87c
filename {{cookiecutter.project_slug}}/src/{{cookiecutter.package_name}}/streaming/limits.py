"""How many streams are open at once, in this process: in all, and for each client."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from ipaddress import ip_network

from fastapi import HTTPException
from starlette.types import Scope

from .settings import streaming_settings

_open: Counter[str] = Counter()


class LimitReached(HTTPException):
    """There are as many streams or bodies as there may be."""

    type = "/problems/limit"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, detail, {"Retry-After": "5"})


def admit(scope: Scope) -> Callable[[], None]:
    """Count a stream until what is returned is called.

    Raises `LimitReached` where it would be one too many.
    """
    settings = streaming_settings()
    address = client_address(scope)
    if _open[address] >= settings.max_streams_per_address:
        raise LimitReached(429, "Your address has as many streams open as it may.")
    if _open.total() >= settings.max_streams:
        raise LimitReached(503, "As many streams are open as there may be.")
    _open[address] += 1
    return partial(_leave, address)


def _leave(address: str) -> None:
    _open[address] -= 1
    if not _open[address]:
        del _open[address]


def client_address(scope: Scope) -> str:
    """The client's address; one client has a whole /64 of IPv6."""
    host = (scope.get("client") or ("",))[0]
    return str(ip_network((host, 64), strict=False)) if ":" in host else host
