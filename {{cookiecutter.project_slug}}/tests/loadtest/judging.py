"""Loads a service that has one defect after the other."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from loadtest.scenario import run_scenario
from tests.streaming.fixtures import Serve

APP = "tests.loadtest.defects:app"
SECONDS = 7
READERS = 20
ATTEMPTS = 4  # a machine that has other work may be late itself


class Judging:
    def __init__(self, url: str) -> None:
        self._url = url

    def load(self, module: str, defect: str) -> dict[str, Any]:
        """The entry of `results.json` about a service with a defect."""
        httpx2.get(f"{self._url}/defect/{defect}").raise_for_status()
        where = {"url": self._url, "watch_url": self._url, "network": "direct"}
        return run_scenario(module, **where, seconds=SECONDS, readers=READERS)

    def expect(self, module: str, defect: str, expected: list[str]) -> None:
        """Check that budgets of these measures are missed because of the defect, and no others.

        What is missed once and not again is the machine's.
        """
        always: set[str] | None = None
        for _ in range(ATTEMPTS):
            found = missed(self.load(module, defect))
            if found.issuperset(expected):
                always = found if always is None else always & found
            if always == set(expected):
                return
        pytest.fail(f"{defect} misses {always}")


def missed(scenario: dict[str, Any]) -> set[str]:
    """The measures whose budgets are missed, and not because others are."""
    return {v["measure"] for v in scenario["verdicts"] if v["outcome"] == "missed"}


@contextmanager
def judging(serve: Serve, **settings: str) -> Generator[Judging]:
    with serve(APP, **settings) as server:
        yield Judging(server.url)
