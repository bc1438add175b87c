"""`fleet.py`: which version and modules many services have, and what an update would change."""

import re
import shutil
import sys

import pytest

from repository import Repository, create
from template import choose

pytestmark = pytest.mark.unix

README = "{{cookiecutter.project_slug}}/README.md"


@pytest.fixture
def released(newer_template) -> Repository:
    """The template with two releases, which differ in one line of the README of services."""
    newer_template.git("tag", "v1.0.0")
    newer_template.replace(README, "## Modules\n", "## Its modules\n")
    return newer_template.commit("newer", tag="v1.1.0")


@pytest.fixture
def service(released, tmp_path):
    """A service that was created from a release, by its name."""

    def create_service(name: str, *modules: str, checkout: str = "v1.0.0") -> Repository:
        answers = {"project_name": name, **choose(*modules)}
        return create(released, tmp_path, checkout=checkout, extra_context=answers).start()

    return create_service


@pytest.fixture
def report(released, run):
    """The rows of the report, by the name of the service."""

    def make_report(*services: Repository, options: tuple[str, ...] = ()) -> dict[str, list[str]]:
        folders = [each.folder for each in services]
        program = released.folder / "fleet.py"
        result = run(sys.executable, program, *folders, *options, cwd=released.folder)
        rows = [re.split(r" {2,}", line) for line in result.stdout.splitlines()]
        return {name: cells for name, *cells in rows}

    return make_report


@pytest.mark.slow
def test_it_says_what_each_has_and_what_would_change(released, service, report, tmp_path):
    behind, ahead = service("behind", "sse"), service("ahead", "sse", "jsonl", checkout="v1.1.0")
    edited = service("edited", "file_download")
    edited.replace("README.md", "## Modules\n", "## Our modules\n")
    edited.commit("our own")
    moved = service("moved", "sse")
    link = moved.text(".cruft.json").replace(
        str(released.folder), "https://example.invalid/template"
    )
    moved.write(".cruft.json", link)
    moved.commit("the template has another address there")
    foreign = Repository(tmp_path / "foreign")
    foreign.folder.mkdir()
    foreign.write("main.py", "")
    new = service("new", "sse")
    shutil.rmtree(new.folder / ".git")
    services = (behind, ahead, edited, moved, foreign.start(), new)
    before = [each.files() for each in services]

    assert report(*services) == {
        "service": ["version", "modules", "with v1.1.0"],
        "behind": ["v1.0.0", "sse", "1 file"],
        "ahead": ["v1.1.0", "sse, jsonl", "nothing"],
        "edited": ["v1.0.0", "file_download", "1 file, conflicts in README.md"],
        "moved": ["v1.0.0", "sse", "1 file"],
        "foreign": ["-", "-", "it has no .cruft.json: it is not linked to a template"],
        "new": ["v1.0.0", "sse", "it is no git repository of its own"],
    }
    assert [each.files() for each in services] == before


def test_it_compares_with_the_release_that_was_named(service, report):
    rows = report(service("behind", "sse"), options=("--release", "v1.0.0"))
    assert rows["behind"] == ["v1.0.0", "sse", "nothing"]


def test_a_release_that_there_is_not_is_refused(service, released, run):
    folder = service("behind", "sse").folder
    command = (sys.executable, released.folder / "fleet.py", folder, "--release", "v9.9.9")
    result = run(*command, cwd=released.folder, check=False)
    assert result.returncode != 0
    assert "has no release v9.9.9: git fetch --tags\n" in result.stdout
