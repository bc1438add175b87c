from typing import Literal

from fastapi import HTTPException

from .routing import ProblemRouter
from .shutdown import ShuttingDown, drain, drain_on_signals
from .supervision import failing

router = ProblemRouter(tags=["health"], lifespan=drain_on_signals)


class NotReady(HTTPException):
    """Something that the service needs is failing."""

    type = "/problems/not-ready"


@router.get("/healthz")
async def alive() -> Literal["alive"]:
    """The process answers."""
    return "alive"


@router.get("/readyz")
async def ready() -> Literal["ready"]:
    """New requests are welcome; 503 from SIGTERM on, and while a background task fails."""
    if drain.stage:
        raise ShuttingDown
    if failing:
        raise NotReady(503, f"Failing in the background: {', '.join(sorted(failing))}.")
    return "ready"
