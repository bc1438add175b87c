from typing import Literal

from fastapi import APIRouter, HTTPException

from .shutdown import drain, drain_on_signals

router = APIRouter(tags=["health"], lifespan=drain_on_signals)


@router.get("/healthz")
async def alive() -> Literal["alive"]:
    """The process answers."""
    return "alive"


@router.get("/readyz")
async def ready() -> Literal["ready"]:
    """New requests are welcome; 503 from the moment in which the process begins to drain."""
    if drain.begun:
        raise HTTPException(503, "The process is draining.")
    return "ready"
