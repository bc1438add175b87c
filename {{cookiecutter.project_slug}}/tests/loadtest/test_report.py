"""The page says what the figures say, whatever they are, and needs nothing but itself."""

import math
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from loadtest.report import duration, quantity, write_report

HOSTILE = "<script>alert(1)</script>&\"'"
PHONE = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
RESOURCES = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
WIDTHS = "return [document.documentElement.scrollWidth, window.innerWidth]"


def scenario(**parts: Any) -> dict[str, Any]:
    return {
        "module": "feed",
        "network": {"name": "direct", "how": ""},
        "passed": False,
        "seconds": 4.0,
        "phases": [{"name": "warm-up", "from": 0, "to": 1}, {"name": "calm", "from": 1, "to": 4}],
        "verdicts": [verdict()],
        "figures": {
            "delivery": {"unit": "s", "count": 9, "p50": 2.0, "p95": 2.3456, "p99": None},
            "complete": {"unit": "streams", "value": 1234},
        },
        "generator": {"cpu": 0.3, "bottleneck": False},
        "series": {"step": 1.0, "delivery": series()},
        "examples": {},
        **parts,
    }


def verdict(**parts: Any) -> dict[str, Any]:
    known = {"budget": "delivery.p95", "unit": "s", "figure": 2.3456, "limit": 0.5}
    return {**known, "outcome": "missed", "cause": "Something waits.", **parts}


def series(**parts: Any) -> dict[str, Any]:
    values = {"mean": [1.0, None, 2.0, 2.0], "max": [2.0, None, 3.0, 2.5]}
    return {"unit": "s", "budget": "delivery.p95", "limit": 0.5, **values, **parts}


def write(path: Any, *scenarios: dict[str, Any], passed: bool = False) -> str:
    machine = {"processors": 2, "python": "3.11.7", "system": "Linux"}
    head = {"started": "2026-11-26T15:00:00+00:00", "url": "http://here", "profile": "smoke"}
    write_report({**head, "passed": passed, "machine": machine, "scenarios": list(scenarios)}, path)
    return path.read_text(encoding="utf-8")


@pytest.fixture
def page(tmp_path):
    return lambda *scenarios, **options: write(tmp_path / "report.html", *scenarios, **options)


class Balance(HTMLParser):
    """Fails where a tag is not closed in its order."""

    VOID = frozenset({"meta", "br", "wbr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def visible(html: str) -> str:
    return " ".join(re.sub(r"<style.*?</style>|<[^>]*>", "", html, flags=re.DOTALL).split())


def test_the_verdict_is_first(page):
    text = visible(page(scenario()))
    assert "1 of 1 budgets is missed" in text[:200]
    assert "feed: delivery.p95 is 2.35 s, the budget 500 ms. Something waits." in text


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"outcome": "kept", "figure": 0.0123}, "delivery.p95 12.3 ms of 500 ms"),
        ({"outcome": "unknown", "figure": None}, "delivery.p95 not enough was measured"),
        ({"outcome": "follows", "cause": "gap.p95"}, "of 500 ms follows from: gap.p95"),
        ({"unit": "streams", "figure": 0, "limit": 0, "outcome": "kept"}, "0 streams of 0 streams"),
        ({"unit": "B", "figure": -1500, "limit": 10, "outcome": "kept"}, "-1.5 kB of 10 B"),
    ],
)
def test_a_verdict_is_said_with_its_figure(parts, said, page):
    html = page(scenario(verdicts=[verdict(**parts)]), passed=True)
    widths = re.findall(r"width:([-\d.]+)%", html)
    assert all(0 <= float(width) <= 100 for width in widths)
    text = visible(html)
    assert said in text
    assert "budgets are kept" in text


@pytest.mark.parametrize(
    "parts",
    [
        {"mean": [], "max": []},
        {"mean": [None] * 3, "max": [None] * 3},
        {"mean": [0.0] * 3, "max": [0.0] * 3, "limit": 0},
        {"mean": [1e-9, 1e9], "max": [1e-9, 1e9]},
        {"unit": "B", "mean": [0], "max": [0], "limit": 0},
        {"unit": "B/s", "mean": [1e15, 1], "max": [1e15, 1], "limit": 1},
        {"unit": "streams", "mean": [0, 1], "max": [1, 3], "limit": 0.05},
    ],
)
def test_a_chart_is_drawn_of_whatever_was_measured(parts, page):
    html = page(scenario(series={"step": 1.0, "delivery": series(**parts)}))
    drawn = re.findall(r'(?:[dxy]|[xy][12]|width)="([^"]*)"', html)
    places = [float(place) for place in re.findall(r"-?\d+(?:\.\d+)?", " ".join(drawn))]
    assert all(0 <= place <= 360 for place in places)
    assert "nan" not in " ".join(drawn)
    assert math.isclose(html.count("<text"), 20, abs_tol=18)


def test_a_line_has_a_gap_where_nothing_was_measured(page):
    (mean,) = re.findall(r'<path class="mean" d="([^"]*)"', page(scenario()))
    assert mean.count("M") == 2
    assert mean.count("L") == 1


def test_the_budget_is_a_line_at_its_place(page):
    values = {"unit": "B", "mean": [0.0, 100.0], "max": [0.0, 100.0], "limit": 50.0}
    html = page(scenario(series={"step": 1.0, "delivery": series(**values)}))
    (limit,) = re.findall(r'class="limit" x1="58" x2="352" y1="([\d.]+)"', html)
    assert float(limit) == pytest.approx(130 - 110 * 50 / 110, abs=0.1)
    assert "budget 50 B" in html


def test_networks_are_compared(page):
    mobile = scenario(network={"name": "mobile", "how": "proxy"}, verdicts=[])
    text = visible(page(scenario(), mobile))
    assert "Networks compared feed Delivery of events median, 95 % direct 2 s, 2.35 s" in text
    assert "Networks compared" not in visible(page(scenario()))


def test_what_a_service_says_is_text(page):
    html = page(
        scenario(
            module=HOSTILE,
            verdicts=[verdict(budget=HOSTILE, cause=HOSTILE)],
            examples={HOSTILE: HOSTILE},
            phases=[{"name": HOSTILE, "from": 0, "to": 4}],
        )
    )
    assert "<script" not in html
    balance = Balance()
    balance.feed(html)
    assert balance.open == []


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (None, "s", "-"),
        (0, "s", "0 s"),
        (0.00001234, "s", "12.3 µs"),
        (0.99996, "s", "1 s"),
        (59.99, "s", "1 min"),
        (5400, "s", "1.5 h"),
        (999_999, "B", "1 MB"),
        (1_234_567_890, "B/s", "1.23 GB/s"),
        (12, "B", "12 B"),
        (0.25, "cores", "0.25 cores"),
        (1_234_567, "records", "1,230,000 records"),
        (3, "", "3"),
    ],
)
def test_a_figure_has_a_unit_that_suits_it(value, unit, said):
    assert quantity(value, unit) == said


def test_a_duration_is_in_the_unit_that_suits_it():
    assert [duration(seconds) for seconds in (0, 0.5, 90, 7200)] == [
        "0 s",
        "0.5 s",
        "1.5 min",
        "2 h",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_whole_with_nothing_else_loaded(scheme, page, browser, tmp_path):
    page(scenario(), scenario(network={"name": "mobile", "how": "proxy"}, module="x" * 60))
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        browser.get((tmp_path / "report.html").as_uri())
        wanted, there = browser.execute_script(WIDTHS)
        assert wanted <= there == PHONE["width"]
        assert browser.execute_script(RESOURCES) == []
        back = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        brightness = sum(map(int, re.findall(r"\d+", back)[:3])) / 3
        assert (brightness < 128) == (scheme == "dark")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
