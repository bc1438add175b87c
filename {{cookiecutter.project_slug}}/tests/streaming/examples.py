"""The endpoints of docs/streaming.md."""

import asyncio
from collections.abc import AsyncIterable, Iterator
from functools import partial
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel

from {{ cookiecutter.package_name }}.streaming import (
    EventStreamResponse,
    FileStreamResponse,
    StreamResponse,
)

router = APIRouter()


@router.get("/letters", response_class=StreamResponse)
async def stream_letters() -> AsyncIterable[bytes]:
    for letter in b"abc":
        yield bytes([letter])


class Tick(BaseModel):
    number: int


@router.get("/ticks", response_class=EventStreamResponse)
async def stream_ticks() -> AsyncIterable[Tick]:
    for number in range(3):
        yield Tick(number=number)
        await asyncio.sleep(0.01)


@router.get("/log", response_class=StreamResponse)
def stream_log() -> Iterator[bytes]:
    with Path("service.log").open("rb") as log:
        yield from iter(partial(log.read, 64 * 1024), b"")


@router.get("/report")
async def send_report() -> FileStreamResponse:
    return FileStreamResponse("report.txt")
