"""The outputs in the docs are those of the commands above them.

`UPDATE_DOCS=1 make test ARGS=tests/test_docs.py` writes them anew.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from template import ADDRESS, TEMPLATE, users_environment
from terminal import Shell

pytestmark = pytest.mark.unix

PAGES = [TEMPLATE / "docs" / name for name in ("regeneration.md", "teams.md")]
BLOCK = re.compile(r"(?:<!-- ([^>]*) -->\n)?```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {"NAME": "Ada", "EMAIL": "ada@example.org"}.items()
}
# How wide a report is, whose identity a commit has, and which cookiecutter and cruft run.
SETTINGS = {
    **IDENTITY,
    "COLUMNS": "200",
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
}


@pytest.fixture
def repository(checkout: Path, run) -> Path:
    """The template under git, as a hosted one would be."""
    hosted = checkout.rename(checkout.with_name("cookiecutter-fastapi-streaming"))
    run("git", "init", "--quiet", cwd=hosted)
    run("git", "add", ".", cwd=hosted)
    run("git", "commit", "--quiet", "-m", "template", cwd=hosted, **IDENTITY)
    return hosted


def make_another_project(home: Path, repository: Path) -> None:
    files = {
        "orders/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
        "orders/__init__.py": "",
        "pyproject.toml": '[project]\nname = "orders"\nversion = "1"\n'
        'dependencies = ["fastapi>=0.165", "uvicorn>=0.54"]\n',
        "tests/conftest.py": "import pytest\n",
        "README.md": "# Orders\n",
    }
    for name, text in files.items():
        (home / "orders" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "orders" / name).write_text(text, encoding="utf-8")
    commit(home / "orders", "Begin")


def make_a_newer_template(home: Path, repository: Path) -> None:
    readme = repository / "{{cookiecutter.project_slug}}" / "README.md"
    text = readme.read_text("utf-8")
    readme.write_text(text + "\nA sentence that is new in the template.\n", encoding="utf-8")
    commit(repository, "Say more")


def release(version: str, line: str, newer: str) -> Callable[[Path, Path], None]:
    """A release that has another line in the README of services."""

    def make_release(home: Path, repository: Path) -> None:
        readme = repository / "{{cookiecutter.project_slug}}" / "README.md"
        text = readme.read_text("utf-8")
        assert line in text
        readme.write_text(text.replace(line, newer), encoding="utf-8")
        commit(repository, version)
        subprocess.run(["git", "tag", version], cwd=repository, check=True)

    return make_release


def bring_presets(home: Path, repository: Path) -> None:
    for preset in (repository / "docs" / "presets").iterdir():
        shutil.copy(preset, home)


SCENES = {
    "another project": make_another_project,
    "a newer template": make_a_newer_template,
    "the presets": bring_presets,
    "v1.0.0": release("v1.0.0", "## Start\n", "## Begin\n"),
    "v1.1.0": release("v1.1.0", "## Begin\n", "## Start\n"),
    "v1.2.0": release("v1.2.0", "## Modules\n", "## Its modules\n"),
}


def commit(folder: Path, message: str) -> None:
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", message]):
        environment = {**users_environment(), **IDENTITY}
        subprocess.run(["git", *command], cwd=folder, check=True, env=environment)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_outputs_in_the_docs_are_real(repository, tmp_path, page):
    home = tmp_path / "home" / "ada"
    home.mkdir(parents=True)
    hosted = (
        f'[url "file://{repository}"]\ninsteadOf = https://github.com/OWNER/{repository.name}\n'
    )
    (home / ".gitconfig").write_text(hosted, encoding="utf-8")
    shell = Shell(
        home,
        {ADDRESS: f"git+file://{repository}", "/home/ada": str(home)},
        **SETTINGS,
        HOME=str(home),
    )
    text = page.read_text("utf-8")

    def run(block: re.Match[str]) -> str:
        if scene := block[1]:
            SCENES[scene](home, repository)
        return block[0].replace(block[2], shell.run(block[2]))

    real = BLOCK.sub(run, text)
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(real, encoding="utf-8")
    assert text == real
