"""What the JavaScript clients share."""

import json
import subprocess
from typing import Any

import pytest

from tests.streaming.fixtures import PROJECT

MODULE = PROJECT / "clients" / "javascript" / "streaming" / "connection.js"
SCRIPT = PROJECT / "tests" / "streaming" / "connection.mjs"
TIMEOUT = "TimeoutError: The operation was aborted due to timeout"
# How a request ends, and the states on the way; a wait is between so many seconds.
EXPECTED = {
    "works": (200, ["connecting", "open", "closed"]),
    "breaks": (200, ["connecting", range(2), "connecting", "open", "closed"]),
    "is busy": (200, ["connecting", range(1, 3), "connecting", "open", "closed"]),
    "has a date": (TIMEOUT, ["connecting", range(1, 6), "closed"]),
    "is refused": ("Error: no", ["connecting", "closed"]),
    "gives up": ("TypeError: two", ["connecting", range(2), "connecting", "closed"]),
    "is cancelled": (TIMEOUT, ["connecting", range(60, 91), "closed"]),
    "is silent": ("Error: Nothing has come for 0.1 s.", ["connecting", "closed"]),
}


@pytest.fixture(scope="module")
def seen(require, service) -> dict[str, Any]:
    command = [require("node"), SCRIPT, MODULE, f"{service}/healthz"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_request_keeps_to_its_options(seen, name):
    result, states = EXPECTED[name]
    assert seen[name]["result"] == result
    for found, expected in zip(seen[name]["states"], states, strict=True):
        if isinstance(expected, range):
            state, seconds = found.split()
            assert (state, int(seconds) in expected) == ("waiting", True)
        else:
            assert found == expected


def test_each_request_has_its_own_headers(seen):
    assert seen["breaks"]["tokens"] == ["token 1", "token 2"]


def test_waits_grow_and_are_never_all_at_once(seen):
    for wait, least in zip(seen["waits"], [10, 20, 40, 80], strict=True):
        assert least < wait < 1.5 * least
    assert seen["error"] == "Error: broken"


def test_urls_may_be_relative_and_refusals_have_their_answer(seen):
    assert seen["relative"]
    assert seen["refused"] == [True, 404]
