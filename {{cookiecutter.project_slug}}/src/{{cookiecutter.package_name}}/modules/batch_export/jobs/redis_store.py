"""The jobs in a Redis, which processes on any machine share."""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic_core import to_json
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ..settings import lease_seconds
from .job import Job
from .store import Fenced, JobStore, JobsUnavailable, KeyReused, of_client_limit, of_limit

WAIT_SECONDS = 3
POLICY, NO_EVICTION = "maxmemory-policy", "noeviction"
REFUSALS = {"client": of_client_limit, "all": of_limit}

logger = logging.getLogger(__name__)


class RedisStore(JobStore):
    """What is due is so by the clock of Redis: machines may have others."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),  # what is asked again is decided by who asks
            socket_connect_timeout=WAIT_SECONDS,
            socket_timeout=WAIT_SECONDS,
        )
        script = Path(__file__).with_name("redis_jobs.lua").read_text(encoding="utf-8")
        self._script = self._redis.register_script(script)

    async def warn_of_eviction(self) -> None:
        """Tell the log of a Redis that forgets jobs when its memory is full, if it says so."""
        with suppress(RedisError, OSError):  # not all servers let themselves be asked
            policy = (await self._redis.config_get(POLICY)).get(POLICY, NO_EVICTION)
            if policy != NO_EVICTION:
                logger.warning("Export jobs need %s %s: Redis has %s.", POLICY, NO_EVICTION, policy)

    async def name(self) -> str:
        return await self._run("name", uuid4().hex[:8])

    async def create(self, job: Job, *, most: int, most_of_client: int) -> Job:
        client, key = _text(job.client), _text(job.key)
        fields = _fields(dict(job))
        reply = await self._run("create", job.id, client, key, most, most_of_client, *fields)
        if isinstance(reply, str):
            raise REFUSALS[reply]()
        found = _to_job(reply)
        if (found.source, found.query) != (job.source, job.query):
            raise KeyReused
        return found

    async def find(self, id: str) -> Job | None:
        reply = await self._run("find", id)
        return _to_job(reply) if reply else None

    async def claim(self) -> Job | None:
        reply = await self._run("claim", lease_seconds())
        return _to_job(reply) if reply else None

    async def update(self, job: Job, **changes: Any) -> None:
        fields = _fields(changes)
        if not await self._run("update", job.id, job.attempt, lease_seconds(), *fields):
            raise Fenced

    async def cancel(self, id: str, expires: float) -> None:
        await self._run("cancel", id, expires)

    async def hold(self, id: str, seconds: float) -> None:
        await self._run("hold", id, seconds)

    async def expired(self) -> list[str]:
        return await self._run("expired")

    async def forget(self, id: str) -> bool:
        return bool(await self._run("forget", id))

    async def holding(self) -> set[str]:
        return {*await self._run("holding")}

    async def close(self) -> None:
        await self._redis.aclose()

    async def _run(self, step: str, *arguments: Any) -> Any:
        try:
            return await self._script(args=[step, *arguments])
        except (RedisError, OSError) as error:
            logger.warning("The export jobs cannot be reached: %s", error)
            raise JobsUnavailable from error


def _text(value: Any) -> str:
    return to_json(value).decode()


def _fields(values: Mapping[str, Any]) -> list[str]:
    return [text for name, value in values.items() for text in (name, _text(value))]


def _to_job(reply: Sequence[str]) -> Job:
    names, values = reply[::2], map(json.loads, reply[1::2])
    return Job.model_validate(dict(zip(names, values, strict=True)))
