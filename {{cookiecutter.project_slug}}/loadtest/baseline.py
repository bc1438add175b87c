"""Writes budgets from a run: what was measured, with room, in a table for each module."""

import sys
import tomllib
from pathlib import Path
from typing import Any

from loadtest.results import PROBLEMS

ROOM = 2.0  # times what was measured
LEAST = 0.1  # of the budget that there was: less is noise


def write_budgets(scenarios: list[dict[str, Any]], path: Path) -> None:
    """Replace the limits in `path`; those of counts stay, and comments before the first table.

    Raises `SystemExit` when a run has failed: its times are those of another service.
    """
    if reasons := list(filter(None, map(failure, scenarios))):
        sys.exit(f"No budgets are written: {'; '.join(reasons)}.")
    text = path.read_text("utf-8")
    tables = tomllib.loads(text)
    for scenario in scenarios:
        table = tables.setdefault(scenario["module"], {})
        for verdict in scenario["verdicts"]:
            if verdict["limit"] and verdict["figure"] is not None:
                limit = max(ROOM * verdict["figure"], LEAST * verdict["limit"])
                put(table, verdict["budget"], float(f"{limit:.2g}"))
    head = text.partition("[")[0]
    path.write_text(head + "\n".join(map(table_text, tables.items())), "utf-8")


def failure(scenario: dict[str, Any]) -> str:
    """Which counts are too high, or that there are none; where all is well, nothing."""
    missed = [
        f"{verdict['figure']} {verdict['measure']}"
        for verdict in scenario["verdicts"]
        if verdict["outcome"] == "missed" and verdict["measure"] in PROBLEMS
    ]
    if not scenario["figures"]["requests"]["value"]:
        missed = ["nothing was asked for"]
    return f"{scenario['module']}: {', '.join(missed)}" if missed else ""


def put(table: dict[str, Any], budget: str, limit: float) -> None:
    measure, _, statistic = budget.partition(".")
    if statistic:
        table[measure] = {**table.get(measure, {}), statistic: limit}
    else:
        table[measure] = limit


def table_text(table: tuple[str, dict[str, Any]]) -> str:
    name, limits = table
    lines = [f"{measure} = {value_text(limit)}\n" for measure, limit in limits.items()]
    return f"[{name}]\n{''.join(lines)}"


def value_text(limit: Any) -> str:
    if not isinstance(limit, dict):
        return f"{limit:g}"
    return "{ " + ", ".join(f"{name} = {value:g}" for name, value in limit.items()) + " }"
