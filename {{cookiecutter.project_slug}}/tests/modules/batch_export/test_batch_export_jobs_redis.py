"""The store of jobs in Redis, after Redis has lost some of what it had or all of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.modules.batch_export.jobs.job import Job
from {{ cookiecutter.package_name }}.modules.batch_export.jobs.redis_store import (
    RedisStore,
)

from tests.streaming.fixtures import free_port
from tests.streaming.redis_server import RedisServer


@pytest.fixture(scope="module")
def server(require, tmp_path_factory) -> Iterator[RedisServer]:
    redis = RedisServer(require("redis-server"), tmp_path_factory.mktemp("redis"), free_port())
    yield redis
    redis.kill()


@pytest.fixture
def redis(server: RedisServer) -> RedisServer:
    server.ask("FLUSHALL")
    return server


def run(redis: RedisServer, test: Callable[[RedisStore], Awaitable[Any]]) -> None:
    async def run_and_close() -> None:
        store = RedisStore(redis.url)
        await test(store)
        await store.close()

    asyncio.run(asyncio.wait_for(run_and_close(), 30))


async def create(store: RedisStore, *, most: int = 9, key: str | None = None) -> Job:
    id = await store.new_id()
    job = Job(id=id, client="a", key=key, source="mine", query="", format="csv", created=0)
    return await store.create(job, most=most, most_of_client=most)


def test_a_redis_that_comes_up_empty_is_another_store(redis):
    async def test(store: RedisStore) -> None:
        name = await store.name()
        assert await store.name() == name
        job = await create(store)
        assert len(job.id) == 32
        assert job.id.startswith(name)
        redis.ask("FLUSHALL")
        assert await store.name() != name

    run(redis, test)
