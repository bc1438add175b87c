"""The store of jobs in Redis, after Redis has lost some of what it had or all of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.modules.batch_export.jobs.job import (
    Job,
)
from {{ cookiecutter.package_name }}.modules.batch_export.jobs.redis_store import (
    RedisStore,
)
from {{ cookiecutter.package_name }}.streaming.limits import (
    LimitReached,
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


def test_a_job_that_redis_has_lost_stands_in_nobodys_way(redis):
    async def test(store: RedisStore) -> None:
        lost, over = [await create(store, most=3) for _ in range(2)]
        await store.cancel(over.id, expires=0)
        assert (await create(store, most=2, key="b")).key == "b"
        with pytest.raises(LimitReached):
            await create(store, most=2)
        for job in (lost, over):
            redis.ask("DEL {exports}:job:" + job.id)
        kept = await create(store, most=2, key="c")
        claimed = [await store.claim() for _ in range(3)]
        assert [job.key if job else None for job in claimed] == ["b", "c", None]
        assert await store.expired() == [over.id]
        assert not await store.forget(over.id)
        assert await store.expired() == []
        assert kept.id in await store.holding()
        assert lost.id not in await store.holding()

    run(redis, test)


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru"])
def test_a_redis_that_evicts_is_told_of(redis, caplog, policy):
    redis.ask(f"CONFIG SET maxmemory-policy {policy}")
    run(redis, RedisStore.warn_of_eviction)
    assert caplog.messages == [
        f"Export jobs need maxmemory-policy noeviction: Redis has {each}."
        for each in [policy]
        if each != "noeviction"
    ]


def test_a_redis_that_does_not_let_itself_be_asked_is_none_that_evicts(redis, caplog):
    redis.ask("ACL SETUSER default -config")
    run(redis, RedisStore.warn_of_eviction)
    redis.ask("ACL SETUSER default +config")
    assert caplog.messages == []
