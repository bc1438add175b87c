"""Loads a service with a defect, and says which budgets are missed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from loadtest.scenario import run_scenario
from tests.streaming.fixtures import Serve

APP = "tests.loadtest.defects:app"
SECONDS = 10.0
AT_ONCE = 4


def load_with(serve: Serve, module: str, defect: str) -> dict[str, Any]:
    # A stream that is handed over to the server sends nothing through the app any more.
    with serve(APP, DEFECT=defect, SSE_HAND_OVER="false") as server:
        return run_scenario(
            module, url=server.url, watch_url=server.url, network="direct", seconds=SECONDS, readers=20
        )


def missed_with(serve: Serve, cases: list[tuple[str, str]]) -> dict[tuple[str, str], set[str]]:
    """The measures whose budgets are missed in each case of a module and a defect."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        scenarios = threads.map(lambda case: load_with(serve, *case), cases)
        return {case: missed(scenario) for case, scenario in zip(cases, scenarios, strict=True)}


def missed(scenario: dict[str, Any]) -> set[str]:
    return {each["measure"] for each in scenario["verdicts"] if each["outcome"] == "missed"}
