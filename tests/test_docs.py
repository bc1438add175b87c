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

from template import TEMPLATE, users_environment

pytestmark = pytest.mark.unix

PAGES = [TEMPLATE / "docs" / name for name in ("regeneration.md", "teams.md")]
BLOCK = re.compile(r"(?:<!-- ([^>]*) -->\n)?```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
ENOUGH_WIDTH = {"COLUMNS": "200"}
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {"NAME": "Ada", "EMAIL": "ada@example.org"}.items()
}
END = "--- end of a command"


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
    shell = Shell(home, repository)
    text = page.read_text("utf-8")
    real = BLOCK.sub(lambda block: block[0].replace(block[2], shell.run(block[1], block[2])), text)
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(real, encoding="utf-8")
    assert text == real


class Shell:
    """Runs the commands of one page, one after the other, in the folder that the last one left."""

    def __init__(self, home: Path, repository: Path) -> None:
        self._home = home
        self._repository = repository
        self._folder = home
        hosted = (
            f'[url "file://{repository}"]\ninsteadOf = https://github.com/OWNER/{TEMPLATE_NAME}\n'
        )
        (home / ".gitconfig").write_text(hosted, encoding="utf-8")

    def run(self, scene: str | None, block: str) -> str:
        """The block with what its commands print now."""
        if scene:
            SCENES[scene](self._home, self._repository)
        commands = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
        script = "".join(f"{self._here(line)}\necho '{END}'\n" for line in commands) + "pwd\n"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**users_environment(), **IDENTITY, **ENOUGH_WIDTH, "PATH": path}
        result = subprocess.run(
            ["sh", "-c", f"exec 2>&1\n{script}"],
            cwd=self._folder,
            env={**environment, "HOME": str(self._home)},
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
        *printed, folder = result.stdout.split(f"{END}\n")
        self._folder = Path(folder.strip())
        return "".join(
            f"$ {command}\n{self._public(output)}"
            for command, output in zip(commands, printed, strict=True)
        )

    def _here(self, command: str) -> str:
        return command.replace("gh:OWNER/" + TEMPLATE_NAME, f"git+file://{self._repository}")

    def _public(self, output: str) -> str:
        return re.sub(r"^\n", "", output.replace(str(self._home), "/home/ada"))


TEMPLATE_NAME = "cookiecutter-fastapi-streaming"
