"""The presets in docs/presets: a company's answers, as files that cookiecutter takes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from template import MODULES, TEMPLATE

PRESETS = TEMPLATE / "docs" / "presets"
CONFIGURATION = PRESETS / "company.yaml"
REPLAY = PRESETS / "company.json"
QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
SHARED = {
    CONFIGURATION: yaml.safe_load(CONFIGURATION.read_text("utf-8"))["default_context"],
    REPLAY: json.loads(REPLAY.read_text("utf-8"))["cookiecutter"],
}

Result = subprocess.CompletedProcess[str]


@pytest.fixture
def cookiecutter(tmp_path: Path, template: Path) -> Callable[..., Result]:
    def run(*options: str | Path, answers: str = "") -> Result:
        return subprocess.run(
            [sys.executable, "-m", "cookiecutter", template, "-o", tmp_path, *options],
            input=answers,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return run


def modules_of(project: Path) -> set[str]:
    return {path.name for path in project.glob("src/*/modules/*") if path.name in MODULES}


@pytest.mark.parametrize("preset", SHARED, ids=lambda preset: preset.name)
def test_a_preset_answers_questions_that_there_are_and_in_their_kind(preset):
    answers = SHARED[preset]
    kinds = {name: type(QUESTIONS.get(name)) for name in answers}
    assert {name: type(answer) for name, answer in answers.items()} == kinds


def test_a_configuration_changes_the_defaults_and_the_command_line_goes_before_it(
    cookiecutter, tmp_path
):
    answers = ("project_name=Orders API", "jsonl=no")
    result = cookiecutter("--config-file", CONFIGURATION, "--no-input", *answers)
    assert result.returncode == 0, result.stderr
    project = tmp_path / "orders-api"
    assert SHARED[CONFIGURATION]["author"] in (project / "LICENSE").read_text("utf-8")
    assert modules_of(project) == {"sse"}


def test_a_replay_settles_its_answers_and_the_other_questions_are_asked(cookiecutter, tmp_path):
    assert f"--replay-file {REPLAY.name}`" in (PRESETS.parent / "teams.md").read_text("utf-8")
    result = cookiecutter("--replay-file", REPLAY, answers="Orders API\n\n\nStreams orders.\n")
    assert result.returncode == 0, result.stderr
    assert "[4/4] What the service does" in result.stdout
    project = tmp_path / "orders-api"
    assert SHARED[REPLAY]["author"] in (project / "LICENSE").read_text("utf-8")
    assert "Streams orders." in (project / "README.md").read_text("utf-8")
    assert modules_of(project) == {"sse", "jsonl"}


def test_a_replay_takes_no_answers_from_the_command_line(cookiecutter, tmp_path):
    result = cookiecutter("--replay-file", REPLAY, "project_name=Orders API")
    assert result.returncode == 1
    assert "You can not use both replay and no_input or extra_context" in result.stdout
    assert list(tmp_path.iterdir()) == []
