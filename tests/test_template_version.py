"""Which version of the template a service is at, and how its owners hear of a newer one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from repository import Repository, create
from template import PROJECT, TEMPLATE

pytestmark = pytest.mark.unix

WORKFLOW = PROJECT / ".github" / "workflows" / "template.yaml"
BEHIND = "FAILURE: Project's cruft is out of date! Run `cruft update`"
UP_TO_DATE = "SUCCESS: Good work! Project's cruft is up to date"


@pytest.fixture
def check(run):
    def run_check(service: Repository, *options: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "cruft", "check", *options)
        return run(*command, cwd=service.folder, check=False)

    return run_check


@pytest.fixture
def scheduled_check(run, uv):
    """The last step of the workflow, as GitHub runs it."""
    [job] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"].values()
    script = job["steps"][-1]["run"]
    programs = [str(Path(program).parent) for program in (uv, sys.executable)]
    path = os.pathsep.join([*programs, os.environ["PATH"]])

    def run_check(service: Repository) -> subprocess.CompletedProcess[str]:
        return run("bash", "-e", "-c", script, cwd=service.folder, check=False, PATH=path)

    return run_check


def go_on(template: Repository, tag: str = "") -> None:
    """Commit something newer to the template, for services too."""
    readme = "{{cookiecutter.project_slug}}/README.md"
    template.write(readme, template.text(readme) + f"\nNew in {tag or 'between'}.\n")
    template.commit("newer", tag)


def test_cruft_check_fails_as_soon_as_the_template_has_a_newer_commit(
    newer_template, tmp_path, check
):
    service = create(newer_template, tmp_path)
    before = check(service)
    assert (before.returncode, before.stdout.startswith(UP_TO_DATE)) == (0, True)
    go_on(newer_template)
    after = check(service)
    assert (after.returncode, after.stdout.startswith(BEHIND)) == (1, True)


def test_the_scheduled_check_fails_when_there_is_a_newer_release_and_names_it(
    newer_template, tmp_path, scheduled_check
):
    go_on(newer_template, tag="v1.9.0")
    service = create(newer_template, tmp_path, checkout="v1.9.0")
    assert scheduled_check(service).returncode == 0

    go_on(newer_template)
    ahead = scheduled_check(service)
    assert (ahead.returncode, UP_TO_DATE in ahead.stdout) == (0, True)

    go_on(newer_template, tag="v1.10.0")
    behind = scheduled_check(service)
    assert behind.returncode == 1
    assert BEHIND in behind.stdout
    assert "::error::cruft update --checkout v1.10.0" in behind.stdout

    go_on(newer_template)
    newest = create(newer_template, tmp_path / "newest")  # of no release, and newer than all
    assert scheduled_check(newest).returncode == 0


def test_the_scheduled_check_takes_the_newest_commit_where_there_are_no_releases(
    newer_template, tmp_path, scheduled_check
):
    service = create(newer_template, tmp_path)
    assert scheduled_check(service).returncode == 0
    go_on(newer_template)
    assert scheduled_check(service).returncode == 1


def test_the_scheduled_check_says_that_a_service_is_not_linked(tmp_path, scheduled_check):
    result = scheduled_check(Repository(tmp_path))
    assert result.returncode == 0
    assert "::notice::No .cruft.json" in result.stdout


def test_the_scheduled_check_fails_when_the_template_cannot_be_read(
    newer_template, tmp_path, scheduled_check
):
    service = create(newer_template, tmp_path)
    newer_template.folder.rename(tmp_path / "moved")
    result = scheduled_check(service)
    assert result.returncode == 1
    assert "Failed to clone the repo" in result.stdout


def test_the_scheduled_check_runs_the_cruft_that_is_tested_here():
    [pin] = [
        line.strip(' ",\n')
        for line in (TEMPLATE / "pyproject.toml").read_text("utf-8").splitlines()
        if "cruft==" in line
    ]
    assert f"uvx {pin.replace('==', '@')} check" in WORKFLOW.read_text("utf-8")


def test_the_version_is_kept_in_the_link_but_each_update_has_to_name_its_own(
    newer_template, tmp_path, run
):
    def update(*options: str) -> None:
        command = (sys.executable, "-m", "cruft", "update", "--skip-apply-ask", *options)
        run(*command, cwd=service.folder)

    def state() -> tuple[str, str]:
        link = json.loads(service.text(".cruft.json"))
        return link["checkout"], link["commit"]

    go_on(newer_template, tag="v1.0.0")
    release = newer_template.git("rev-parse", "v1.0.0").strip()
    go_on(newer_template)
    newest = newer_template.git("rev-parse", "HEAD").strip()
    service = create(newer_template, tmp_path, checkout="v1.0.0").start()
    assert state() == ("v1.0.0", release)

    update("--checkout", "v1.0.0", "--variables-to-update", '{"sse": false}')
    assert state() == ("v1.0.0", release)
    service.commit("without sse")

    # Without it, cruft 2.16 goes on to the newest commit, and forgets the version.
    update("--variables-to-update", '{"sse": true}')
    assert state() == (None, newest)
