"""Judges a scenario by the budgets, and guesses at the cause of what misses them."""

import tomllib
from argparse import Namespace
from pathlib import Path
from typing import Any

from loadtest.figures import figures_of, series_of
from loadtest.results import Results
from loadtest.timeline import Timeline

BUDGETS = Path(__file__).with_name("budgets.toml")
OWN_BUDGETS = Path(__file__).with_name("modules")
BUSY_GENERATOR = 0.85  # of a processor

# What is often the cause when a budget is missed, in the order in which one explains others.
CAUSES = {
    "failed": "Streams are refused: see the status, and the log of the service.",
    "loop_delay": "The event loop is held: something blocks or computes in a coroutine.",
    "left_behind": "Some readers are served much later than others of the same kind.",
    "growth_per_100_readers": "The work for an event grows with the readers: each waits for others.",
    "unfinished": "Streams hang: they have no end long after they should have one.",
    "cut": "Streams end early: an error in the middle, or an end that is left out.",
    "missing": "Records are lost on the way, in streams that say that they are complete.",
    "doubled": "Records are sent twice.",
    "delivery": "What is due is withheld: something gathers or buffers it.",
    "gap": "Streams stand still in the middle: something withholds or buffers chunks.",
    "first_byte": "The first byte is late: something is done before the stream begins.",
    "disturbed": "Slow readers, or other modules, slow down those beside them.",
    "recovery": "It takes long until all are served that come back at once.",
    "memory_per_1000_requests": "Something is kept of each request: a leak.",
    "memory_per_stream": "Each open stream takes much memory: look for a buffer or a queue.",
}
# Misses that come with others: what is late because of them is no second defect.
LATE = {"first_byte", "gap", "delivery", "disturbed", "left_behind", "recovery"}
FOLLOWS = {
    "loop_delay": LATE | {"growth_per_100_readers"},
    "left_behind": {"first_byte", "gap", "delivery", "disturbed"},
    "growth_per_100_readers": {"first_byte", "gap", "delivery", "disturbed", "recovery"},
    "delivery": {"first_byte", "gap", "disturbed", "recovery"},
    "memory_per_1000_requests": {"memory_per_stream"},
}
# One that is so many times as late has another cause.
MOST_TIMES = 4


def read_budgets(module: str, network: str) -> dict[str, float]:
    """Limits by name, such as `gap.p95`: those of the module and the network go before others."""
    document, own = tomllib.loads(BUDGETS.read_text("utf-8")), OWN_BUDGETS / f"{module}.toml"
    tables = [
        document["default"],
        tomllib.loads(own.read_text("utf-8")) if own.exists() else {},
        *(document.get(name, {}) for name in (module, network)),
    ]
    budgets: dict[str, float] = {}
    for measure, limit in (item for table in tables for item in table.items()):
        limits = limit if isinstance(limit, dict) else {"": limit}
        budgets |= {f"{measure}.{name}".rstrip("."): value for name, value in limits.items()}
    return budgets


def judge(figures: dict[str, dict[str, Any]], budgets: dict[str, float]) -> list[dict[str, Any]]:
    """A verdict for each budget; those that are missed because of another say of which."""
    verdicts = []
    for budget, limit in budgets.items():
        measure, _, statistic = budget.partition(".")
        figure = figures.get(measure, {})
        value = figure.get(statistic or "value")
        outcome = "unknown" if value is None else "missed" if value > limit else "kept"
        about = {"measure": measure, "statistic": statistic, "unit": figure.get("unit", "")}
        outcome_and_cause = {"outcome": outcome, "cause": ""}
        verdicts.append(
            {"budget": budget, **about, "figure": value, "limit": limit, **outcome_and_cause}
        )
    missed = [verdict for verdict in verdicts if verdict["outcome"] == "missed"]
    for verdict in missed:
        root = next((root for root in missed if follows(verdict, root)), None)
        verdict["cause"] = CAUSES.get(verdict["measure"], "")
        if root:
            verdict |= {"outcome": "follows", "cause": f"As {root['budget']} is missed."}
    return verdicts


def follows(verdict: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a miss is explained by another."""
    if verdict["measure"] not in FOLLOWS.get(root["measure"], ()):
        return False
    comparable = verdict["unit"] == root["unit"] == "s" and verdict["measure"] != "recovery"
    return not comparable or verdict["figure"] < MOST_TIMES * root["figure"]


def report_scenario(options: Namespace, timeline: Timeline, results: Results) -> dict[str, Any]:
    """The entry of `results.json` about a scenario."""
    figures = figures_of(results)
    budgets = read_budgets(options.scenario, options.network)
    verdicts = judge(figures, budgets)
    cpu, asked = figures["generator_cpu"]["value"], results.counts["requests"] > 0
    return {
        "module": options.scenario,
        "passed": asked and all(verdict["outcome"] != "missed" for verdict in verdicts),
        "seconds": timeline.now(),
        "phases": [{"name": p.name, "from": p.start, "to": p.end} for p in timeline.phases],
        "verdicts": verdicts,
        "figures": figures,
        "examples": results.examples if asked else {"failed": "nothing was asked for"},
        "generator": {"cpu": cpu, "bottleneck": bool(cpu and cpu > BUSY_GENERATOR)},
        "series": series_of(results, verdicts),
    }
