from typing import Literal

from .routing import ProblemRouter
from .shutdown import ShuttingDown, drain, drain_on_signals

router = ProblemRouter(tags=["health"], lifespan=drain_on_signals)


@router.get("/healthz")
async def alive() -> Literal["alive"]:
    """The process answers."""
    return "alive"


@router.get("/readyz")
async def ready() -> Literal["ready"]:
    """New requests are welcome; 503 from the moment in which the process begins to drain."""
    if drain.begun:
        raise ShuttingDown
    return "ready"
