"""The README: its ways to a service for who has neither uv nor pipx, and its figures."""

import re
import subprocess
from pathlib import Path

import pytest

from template import ADDRESS, TEMPLATE, users_environment


@pytest.mark.slow
@pytest.mark.unix
def test_a_python_with_venv_is_enough(template: Path, tmp_path: Path):
    readme = (TEMPLATE / "README.md").read_text("utf-8")
    [commands] = re.findall(r"^```\n(python3 -m venv .*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert ADDRESS in commands
    result = subprocess.run(
        ["sh", "-e", "-c", commands.replace(ADDRESS, f"'{template}'")],
        cwd=tmp_path,
        env=users_environment(),
        input="\n" * 20,  # a return for each question
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "make run    starts it" in result.stdout
    assert (tmp_path / "my-service" / "Makefile").is_file()


def test_its_figures_are_those_of_the_benchmarks():
    """`make bench` writes the page; the README repeats some medians."""
    measured = re.findall(
        r"\*\*([\d.]+×)\*\*", (TEMPLATE / "docs" / "benchmarks.md").read_text("utf-8")
    )
    repeated = re.findall(
        r"([\d.]+×) \|$", (TEMPLATE / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(repeated) > 5
    assert set(repeated) <= set(measured)
