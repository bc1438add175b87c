"""A service with a setting that is wrong is not started, and says so in a line."""

import os
import sys
from pathlib import Path

import pytest

from tests.streaming.fixtures import APP, PACKAGE, PROJECT

COMMAND = (sys.executable, "-m", f"{PACKAGE}.streaming")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(PROJECT)}

# Variables of the environment, and what is said of each.
WRONG = {
    "STREAMING_MAX_STREAMS": ("0", "STREAMING_MAX_STREAMS=0: Input should be greater than"),
    "STREAMING_REQUEST_SECONDS": ("soon", "STREAMING_REQUEST_SECONDS=soon: Input should be a"),
    "streaming_max_header_fields": (
        "-1",
        "STREAMING_MAX_HEADER_FIELDS=-1: Input should be greater than",
    ),
    "DEMO_ROWS": ("1e99", "DEMO_ROWS=1e99: Input should be a valid integer"),
    "STREAMING_MAX_BODIES": ("x" * 500, f"STREAMING_MAX_BODIES={'x' * 100}…: Input should be a"),
}
MISSPELT = {
    "STREAMING_MAX_STREMS": "is it STREAMING_MAX_STREAMS?",
    "DEMO_ROW": "is it DEMO_ROWS?",
    "STREAMING_COLOUR_OF_THE_BICYCLE_SHED": "STREAMING_COLOUR_OF_THE_BICYCLE_SHED is no setting.",
}
OPTIONS = {
    ("--port", "80000"): "80000 is not between 0 and 65535",
    ("--port", "http"): "invalid port_number value: 'http'",
    ("--workers", "0"): "0 is less than 1",
    ("--workers", "-1"): "-1 is less than 1",
    ("--root-path", "data"): "'data' does not begin with /",
    ("no_such_module:app",): 'Could not import module "no_such_module"',
    (f"{APP}_of_ours",): 'Attribute "app_of_ours" not found',
}


@pytest.mark.parametrize("options", [[], ["--check"], ["--workers", "2"]])
def test_each_wrong_setting_is_one_line(run, options):
    wrong = {name: value for name, (value, _) in WRONG.items()}
    result = run(*COMMAND, *options, APP, env=ENVIRONMENT | wrong)
    assert (result.returncode, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert len(lines) == len(WRONG)
    for _, expected in WRONG.values():
        assert any(line.startswith(expected) for line in lines), expected


def test_a_name_that_no_setting_has_is_named(run, tmp_path: Path):
    """Also one of `.env`; nothing keeps it from being somebody else's, so it is a warning."""
    (tmp_path / ".env").write_text("STREAMING_COLOUR_OF_THE_BICYCLE_SHED=1\n", encoding="utf-8")
    names = {name: "1" for name in MISSPELT if name != "STREAMING_COLOUR_OF_THE_BICYCLE_SHED"}
    result = run(*COMMAND, "--check", APP, env=ENVIRONMENT | names)
    assert (result.returncode, result.stdout) == (0, "")
    lines = result.stderr.splitlines()
    assert len(lines) == len(MISSPELT)
    for expected in MISSPELT.values():
        assert any(line.endswith(expected) for line in lines), expected


def test_what_is_right_is_checked_in_silence(run):
    result = run(*COMMAND, "--check", APP, env=ENVIRONMENT)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_an_option_that_is_wrong_is_named(run, options):
    result = run(*COMMAND, *options, env=ENVIRONMENT)
    assert result.returncode != 0
    assert OPTIONS[options] in result.stderr
    assert "Traceback" not in result.stderr
