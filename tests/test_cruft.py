"""Services that are created with cruft are those that cookiecutter creates."""

import json
import sys
from pathlib import Path

import pytest

from template import COMBINATIONS, choose


@pytest.fixture
def repository(checkout: Path, run) -> Path:
    """The template as it is now, committed: cruft clones."""
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    run("git", "init", "--quiet", cwd=checkout)
    run("git", "add", ".", cwd=checkout)
    run("git", *identity, "commit", "--quiet", "-m", "template", cwd=checkout)
    return checkout


def contents(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and path.name != ".cruft.json"
    }


@pytest.mark.parametrize("modules", [COMBINATIONS[0], ("jsonl",)], ids="+".join)
def test_cruft_creates_what_cookiecutter_creates(render, run, repository, tmp_path, modules):
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps(choose(*modules)), encoding="utf-8")
    command = [sys.executable, "-m", "cruft", "create", repository, "--no-input"]
    options = ["--output-dir", tmp_path / "cruft", "--extra-context-file", answers]
    (tmp_path / "cruft").mkdir()
    run(*command, *options, cwd=tmp_path)
    created = tmp_path / "cruft" / "my-service"
    assert (created / ".cruft.json").is_file()
    assert contents(created) == contents(render(**choose(*modules)))
