"""An app with a task in the background that fails when it is told to."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from {{ cookiecutter.package_name }}.streaming import (
    add_streaming,
    keep_running,
)

broken = asyncio.Event()
runs: list[int] = []


async def pump() -> None:
    runs.append(1)
    await broken.wait()
    raise RuntimeError("the pump is dry")


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[None]:
    async with keep_running("pump", pump):
        yield


app = FastAPI(lifespan=lifespan)
add_streaming(app, problems=True)


@app.post("/break")
async def break_it() -> None:
    broken.set()


@app.post("/mend")
async def mend_it() -> None:
    broken.clear()


@app.get("/runs")
async def count_runs() -> int:
    return len(runs)
