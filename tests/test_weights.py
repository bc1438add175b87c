"""A small service is small: what `make weights` measures stays within bounds."""

import re
from pathlib import Path

import pytest

from benchmarks.weights import PAGE, weigh
from template import COMBINATIONS

# Megabytes of environment, mebibytes resident, lines of Python.
MOST = (70, 60, 5_200)


@pytest.mark.slow
@pytest.mark.unix
@pytest.mark.parametrize("module", ["file_download", "sse"])
def test_a_service_without_records_is_small(module, template, uv, tmp_path: Path):
    weight = weigh((module,), template, uv, tmp_path)
    measured = (weight.environment_megabytes, weight.resident_mebibytes, weight.lines)
    assert all(value <= most for value, most in zip(measured, MOST, strict=True)), measured


def test_the_page_has_every_combination():
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    found = {frozenset(re.findall(r"`(\w+)`", row)) for row in rows}
    assert found == set(map(frozenset, COMBINATIONS))
