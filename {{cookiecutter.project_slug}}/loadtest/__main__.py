"""`make load`: load the service with each scenario, and judge it by the budgets."""

import json
import platform
import sys
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path
from pkgutil import iter_modules
from time import monotonic
from typing import Any, NamedTuple

import loadtest.modules
from loadtest.baseline import write_budgets
from loadtest.network import NETWORKS, Network, open_network
from loadtest.programs import exit_on_signals
from loadtest.proxy import http_url
from loadtest.report import write_report
from loadtest.scenario import run_scenario
from loadtest.service import READY_SECONDS, Service, start_service, wait_until_ready
from loadtest.verdict import BUDGETS

RESULTS, REPORT = Path("loadtest/results.json"), Path("loadtest/report.html")
DIRECT = "direct"
MODULES = [module.name for module in iter_modules(loadtest.modules.__path__)]
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


class Profile(NamedTuple):
    """How long each scenario takes, and how many readers it has."""

    seconds: float
    readers: int


PROFILES = {
    "smoke": Profile(10, 20),
    "load": Profile(60, 100),
    "soak": Profile(3600, 50),
}


def seconds_of(text: str) -> float:
    """The seconds in `90`, `30s`, `20m` or `8h`."""
    number = text.rstrip("smh")
    return float(number) * UNITS[text[len(number) :] or "s"]


def read_options() -> Namespace:
    parser = ArgumentParser(prog="python -m loadtest", description=__doc__)
    add = parser.add_argument
    add("--url", help="a service that runs; without it, one is started")
    add("--profile", choices=PROFILES, default="smoke", help="%(default)s")
    add("--module", nargs="+", choices=MODULES, default=MODULES, help="all that are there")
    add(
        "--network",
        nargs="+",
        choices=[DIRECT, *NETWORKS],
        default=[DIRECT],
        help="how it is reached",
    )
    add("--duration", type=seconds_of, help="of each scenario, such as 30s, 20m or 8h")
    add("--readers", type=int, help="of each scenario")
    add("--workers", type=int, help="processes of Locust on this machine")
    add("--workers-elsewhere", type=int, help="processes of Locust that are started elsewhere")
    add("--baseline", choices=["write"], help="write budgets from this run")
    options = parser.parse_args()
    if options.baseline and set(options.network) != {DIRECT}:
        parser.error(f"--baseline needs --network {DIRECT}: budgets are for all networks")
    if options.url and set(options.network) != {DIRECT}:
        try:
            http_url(options.url)
        except ValueError as error:
            parser.error(str(error))
    return options


def main() -> int:
    options = read_options()
    exit_on_signals()
    with ExitStack() as stack:
        if options.url:
            service = Service(options.url.rstrip("/"))
            wait_until_ready(service.url, monotonic() + READY_SECONDS)
        else:
            print("Starting the service", flush=True)
            service = stack.enter_context(start_service())
        results = run(options, service.url)
    RESULTS.write_text(json.dumps(results, indent=1), "utf-8")
    for scenario in results["scenarios"]:
        print_verdicts(scenario)
    write_report(results, REPORT)
    print(f"\nThe report is {REPORT}, its figures are in {RESULTS}.")
    if options.baseline:
        write_budgets(results["scenarios"], BUDGETS)
    return 0 if results["passed"] or options.baseline else 1


def run(options: Namespace, url: str) -> dict[str, Any]:
    profile = PROFILES[options.profile]
    workers: dict[str, int] = {}
    if options.workers:
        workers = {"processes": options.workers}
    elif options.workers_elsewhere:
        workers = {"master": True, "expect_workers": options.workers_elsewhere}
    started = datetime.now(UTC).isoformat(timespec="seconds")
    scenarios = []
    for network in options.network:
        direct = nullcontext(Network(url, ""))
        with direct if network == DIRECT else open_network(network, url) as route:
            for module in options.module:
                print(f"{module} ({network})", flush=True)
                scenario = run_scenario(
                    module,
                    url=route.url,
                    watch_url=url,
                    network=network,
                    seconds=options.duration or profile.seconds,
                    readers=options.readers or profile.readers,
                    **workers,
                )
                scenarios.append({"network": {"name": network, "how": route.how}, **scenario})
    return {
        "version": 1,
        "started": started,
        "url": url,
        "profile": options.profile,
        "passed": all(scenario["passed"] for scenario in scenarios),
        "machine": {
            "processors": cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "scenarios": scenarios,
    }


def print_verdicts(scenario: dict[str, Any]) -> None:
    """A line for each budget, and for what else should be known."""
    name = f"{scenario['module']} ({scenario['network']['name']})"
    print(f"\n{name}: {'passed' if scenario['passed'] else 'MISSED'}")
    for verdict in scenario["verdicts"]:
        figure = "-" if verdict["figure"] is None else f"{verdict['figure']:.4g}"
        budget = f"{verdict['budget']:26} {figure:>10}  of {verdict['limit']:g} {verdict['unit']}"
        print(f"  {verdict['outcome']:8} {budget:56} {verdict['cause']}".rstrip())
    for end, example in scenario["examples"].items():
        print(f"  such as: {end}: {example}")
    if scenario["generator"]["bottleneck"]:
        print("  The generator is the bottleneck: its own times are in these. Use WORKERS=….")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
