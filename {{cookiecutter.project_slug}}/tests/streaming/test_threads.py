"""Iterables that block: one thread each, within a limit, and without polling."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest
from fastapi import HTTPException

from {{ cookiecutter.package_name }}.streaming import (
    threads,
)

LIMIT = 8


@pytest.fixture(autouse=True)
def limiter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("STREAMING_BLOCKING_SOURCES", str(LIMIT))
    monkeypatch.setattr(threads, "WAIT_SECONDS", 0.2)
    caches = (threads.streaming_settings, threads._threads)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def iterate(iterable: Any) -> Any:
    return aclosing(threads.iterate_in_thread(iterable, lambda item: 1024))


class Watched:
    """An iterator that notes which threads use it, and blocks until it is let go."""

    def __init__(self, items: int = 3) -> None:
        self.let_go = threading.Event()
        self.used_by: list[int] = []
        self.closed = False
        self._items = items

    def __iter__(self) -> "Watched":
        self.used_by.append(threading.get_ident())
        return self

    def __next__(self) -> int:
        self.used_by.append(threading.get_ident())
        if not self._items:
            self.let_go.wait()
            raise StopIteration
        self._items -= 1
        return self._items

    def close(self) -> None:
        self.used_by.append(threading.get_ident())
        self.closed = True


def test_one_thread_makes_reads_and_closes_an_iterable():
    watched = Watched(5_000)
    watched.let_go.set()

    async def read() -> list[int]:
        async with iterate(watched) as groups:
            return [item async for items in groups for item in items]

    assert asyncio.run(read()) == list(range(5_000))[::-1]
    assert len(set(watched.used_by)) == 1
    assert threading.get_ident() not in watched.used_by
    assert watched.closed


def test_what_an_iterable_raises_comes_after_its_items():
    def failing() -> Iterator[int]:
        yield 1
        raise RuntimeError("broken")

    async def read(received: list[int]) -> None:
        async with iterate(failing()) as groups:
            async for items in groups:
                received += items

    received: list[int] = []
    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(read(received))
    assert received == [1]


def test_an_iterable_is_not_read_further_than_its_reader_is():
    async def read() -> int:
        watched = Watched(1_000_000)
        async with iterate(watched) as groups:
            await anext(groups)
            await asyncio.sleep(0.1)
            before = len(watched.used_by)
            await asyncio.sleep(0.1)
            assert len(watched.used_by) == before
        return before

    assert asyncio.run(read()) < 1_000


def test_an_iterable_that_blocks_is_closed_once_it_returns_and_counts_until_then(monkeypatch):
    monkeypatch.setattr(threads, "CLOSE_SECONDS", 0.1)
    blocked = [Watched(1) for _ in range(LIMIT)]

    async def read() -> None:
        for watched in blocked:
            async with iterate(watched) as groups:
                assert await anext(groups) == [0]
        assert not any(watched.closed for watched in blocked)
        with pytest.raises(HTTPException) as refused:
            async with iterate([1]) as groups:
                await anext(groups)
        assert (refused.value.status_code, refused.value.headers) == (503, {"Retry-After": "5"})
        for watched in blocked:
            watched.let_go.set()
        async with iterate([1]) as groups:  # as soon as one of them has ended
            assert await anext(groups) == [1]

    asyncio.run(read())
    deadline = time.monotonic() + 2
    while not all(watched.closed for watched in blocked):
        assert time.monotonic() < deadline, "an iterable was not closed"
        time.sleep(0.01)


def test_who_waits_costs_nothing():
    async def wait(watched: Watched) -> None:
        async with iterate(watched) as groups:
            async for _ in groups:
                pass

    async def wait_together() -> float:
        waiting = [Watched(1) for _ in range(LIMIT)]
        tasks = [asyncio.create_task(wait(watched)) for watched in waiting]
        await asyncio.sleep(0.1)
        begun = time.process_time()
        await asyncio.sleep(1)
        spent = time.process_time() - begun
        for watched in waiting:
            watched.let_go.set()
        await asyncio.gather(*tasks)
        return spent

    # Polling each 20 ms took ten times as long.
    assert asyncio.run(wait_together()) < 0.01
