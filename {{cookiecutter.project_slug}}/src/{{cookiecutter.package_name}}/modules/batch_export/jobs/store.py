"""Where jobs are kept, for all processes that share them."""

from abc import ABC, abstractmethod
from typing import Any
from uuid import uuid4

from fastapi import HTTPException

from ....streaming.limits import LimitReached
from .job import Job


class Fenced(Exception):
    """The job was cancelled, or somebody else has taken it: what is made of it counts no more."""


class JobsUnavailable(HTTPException):
    """Jobs cannot be read or written; a change may have been made all the same."""

    type = "/problems/jobs-unavailable"

    def __init__(self) -> None:
        super().__init__(503, "The jobs cannot be reached.", {"Retry-After": "5"})


class KeyReused(HTTPException):
    """The same `Idempotency-Key` came with another request."""

    type = "/problems/idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__(422, "This Idempotency-Key was used for another export.")


def of_client_limit() -> LimitReached:
    return LimitReached(429, "Your address has as many export jobs as it may.")


def of_limit() -> LimitReached:
    return LimitReached(503, "There are as many export jobs as there may be.")


class JobStore(ABC):
    """Each change says what it expects to find, so that no two processes undo each other.

    Every method but `close` raises `JobsUnavailable`.
    """

    async def new_id(self) -> str:
        """32 hexadecimal digits that begin with the store's name."""
        name = await self.name()
        return name + uuid4().hex[len(name) :]

    @abstractmethod
    async def name(self) -> str:
        """Eight hexadecimal digits, which a store that comes up empty makes anew.

        They tell its jobs from those of another one that has its segments in the same place.
        """

    @abstractmethod
    async def create(self, job: Job, *, most: int, most_of_client: int) -> Job:
        """The new job, or the one that its client has created with the same key before.

        Raises `LimitReached` and `KeyReused`.
        """

    @abstractmethod
    async def find(self, id: str) -> Job | None: ...

    @abstractmethod
    async def claim(self) -> Job | None:
        """One that waits or whose lease is over, for an attempt of the caller's."""

    @abstractmethod
    async def update(self, job: Job, **changes: Any) -> None:
        """Change a job of the caller's attempt, whose lease is renewed. Raises `Fenced`."""

    @abstractmethod
    async def cancel(self, id: str, expires: float) -> None: ...

    @abstractmethod
    async def hold(self, id: str, seconds: float) -> None:
        """Let a complete job not expire for so long."""

    @abstractmethod
    async def expired(self) -> list[str]:
        """The ids of jobs whose time is over."""

    @abstractmethod
    async def forget(self, id: str) -> bool:
        """Whether the job was there, and its time is over."""

    @abstractmethod
    async def holding(self) -> set[str]:
        """The ids of jobs that have segments, or may have."""

    @abstractmethod
    async def close(self) -> None: ...
