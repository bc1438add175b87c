"""Repositories for tests: a template that gets newer, and services that are linked to it."""

import subprocess
from pathlib import Path
from typing import Any

import cruft

from template import users_environment

IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
GIT = ("git", *IDENTITY, "-c", "commit.gpgsign=false")


class Repository:
    """A folder under git, to be edited and committed as people do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *arguments: str | Path) -> str:
        result = subprocess.run(
            [*GIT, *arguments],
            cwd=self.folder,
            env=users_environment(),
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return result.stdout

    def start(self) -> "Repository":
        self.git("init", "--quiet", "--initial-branch=main")
        return self.commit("start")

    def commit(self, message: str, tag: str = "") -> "Repository":
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        if tag:
            self.git("tag", tag)
        return self

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8", newline="\n")

    def replace(self, name: str, old: str, new: str) -> None:
        text = self.text(name)
        assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
        self.write(name, text.replace(old, new))

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(self.folder).parts
        }

    def update(self, **answers: Any) -> None:
        """What `cruft update --variables-to-update` does."""
        assert cruft.update(self.folder, extra_context=answers)


def create(template: Repository, folder: Path, **options: Any) -> Repository:
    """What `cruft create` makes of the template in `folder`, not yet under git."""
    folder.mkdir(exist_ok=True)
    project = cruft.create(
        str(template.folder), output_dir=folder, default_config=True, no_input=True, **options
    )
    return Repository(project)
