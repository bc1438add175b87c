"""What is recommended, and that it can be measured."""

import re
import shutil
import sys

import pytest

from loadtest.tune import CHUNKS, KIB, LEVELS, Figures, Setting, recommend
from tests.streaming.fixtures import PROJECT

SMALL, MIDDLE, LARGE = (Setting(size * KIB, 1) for size in (1, 64, 1024))
NEAR = {SMALL: Figures(0.01, 4e6), MIDDLE: Figures(0.02, 1e7), LARGE: Figures(0.3, 1.1e7)}
FAR = {SMALL: Figures(0.3, 1e6), MIDDLE: Figures(0.31, 1e6), LARGE: Figures(0.5, 1e6)}
THIN = {SMALL: Figures(0.1, 1e6), MIDDLE: Figures(2.0, 1e5), LARGE: Figures(9.0, 1e5)}


@pytest.mark.parametrize(
    ("networks", "best"),
    [
        ({"near": NEAR}, MIDDLE),
        ({"near": NEAR, "far": FAR}, MIDDLE),
        ({"thin": THIN}, SMALL),
        ({"near": NEAR, "thin": THIN}, SMALL),
        ({"near": {LARGE: NEAR[LARGE]}}, LARGE),
    ],
)
def test_the_recommended_one_is_bad_nowhere(networks, best):
    assert recommend(networks) == best


@pytest.mark.slow
def test_each_setting_is_measured_and_drawn(run, tmp_path):
    shutil.copytree(PROJECT / "loadtest", tmp_path / "loadtest")
    command = [sys.executable, "-m", "loadtest.tune", "--network", "direct", "--seconds", "0.01"]
    result = run(*command)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"Recommended: \d+ KiB, ", result.stdout)
    page = (tmp_path / "loadtest" / "tune.html").read_text(encoding="utf-8")
    assert page.count("<circle") == len(CHUNKS) * len(LEVELS) + 1
    assert "<script" not in page
