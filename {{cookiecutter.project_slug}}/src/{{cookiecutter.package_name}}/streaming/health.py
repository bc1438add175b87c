from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import HTTPException, Response

from .routing import ProblemRouter
from .shutdown import ShuttingDown, drain, drain_on_signals
from .supervision import failing

# Each raises `NotReady` while something that the service needs cannot be had.
checks: list[Callable[[], Awaitable[None]]] = []
router = ProblemRouter(tags=["health"], lifespan=drain_on_signals)


class NotReady(HTTPException):
    """Something that the service needs is failing."""

    type = "/problems/not-ready"


@router.get("/healthz")
async def alive(response: Response) -> Literal["alive"]:
    """The process answers."""
    response.headers["Cache-Control"] = "no-store"
    return "alive"


@router.get("/readyz")
async def ready(response: Response) -> Literal["ready"]:
    """New requests are welcome; 503 from SIGTERM on, while a background task or a check fails."""
    if drain.stage:
        raise ShuttingDown
    if failing:
        raise NotReady(503, f"Failing in the background: {', '.join(sorted(failing))}.")
    for check in checks:
        await check()
    response.headers["Cache-Control"] = "no-store"
    return "ready"
