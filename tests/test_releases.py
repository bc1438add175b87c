"""What a release says and is: the changelog, the version, and the workflow that publishes both."""

import os
import re
import tomllib

import pytest
import yaml

from template import TEMPLATE

CHANGELOG = (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\S+).*\n((?:(?!## ).*\n)*)", CHANGELOG, re.MULTILINE))
WHAT_TO_DO = "### What a service must do\n"
RELEASE = r"\d+\.\d+\.\d+"


def test_the_changelog_begins_with_what_is_not_released_yet():
    unreleased, *releases = SECTIONS
    assert unreleased == "Unreleased"
    assert all(re.fullmatch(RELEASE, release) for release in releases)
    assert releases == sorted(releases, key=lambda name: [*map(int, name.split("."))], reverse=True)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_says_what_a_service_must_do(section):
    news, _, to_do = SECTIONS[section].partition(WHAT_TO_DO)
    assert news.strip()
    assert to_do.strip()


def test_the_version_is_that_of_the_newest_release():
    releases = [section for section in SECTIONS if section != "Unreleased"]
    if not releases:
        pytest.skip("nothing is released yet")
    project = tomllib.loads((TEMPLATE / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == releases[0]


@pytest.fixture
def publish(tmp_path, run):
    """The last step of the workflow, for a tag; what it hands to `gh`, or its error."""
    workflow = TEMPLATE / ".github" / "workflows" / "release.yaml"
    script = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]["release"]["steps"][-1]["run"]
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text('#!/bin/sh\necho "gh $*"\ncat notes.md\n', encoding="utf-8")
    gh.chmod(0o755)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n', encoding="utf-8")

    def run_workflow(tag: str, changelog: str):
        (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
        environment = {"PATH": f"{gh.parent}:{os.environ['PATH']}", "GITHUB_REF_NAME": tag}
        return run("bash", "-e", "-c", script, cwd=tmp_path, check=False, **environment)

    return run_workflow


NEWS = "# Changelog\n\n## Unreleased\n\n- Later.\n\n## 1.2.0 – 2026-12-01\n\n- Now.\n\n## 1.1.0\n\n- Was.\n"


@pytest.mark.unix
def test_a_tag_becomes_a_release_with_its_section_of_the_changelog(publish):
    result = publish("v1.2.0", NEWS)
    assert result.returncode == 0
    command, *notes = result.stdout.split("\n")
    assert command == "gh release create v1.2.0 --verify-tag --notes-file notes.md"
    assert "\n".join(notes).strip() == "- Now."


@pytest.mark.unix
def test_a_tag_that_is_not_the_version_or_not_in_the_changelog_is_refused(publish):
    other = publish("v1.2.1", NEWS)
    assert (other.returncode, "::error::v1.2.1 is not the version" in other.stdout) == (1, True)
    unknown = publish("v1.2.0", "## 1.1.0\n\n- Was.\n")
    assert (unknown.returncode, "says nothing about 1.2.0" in unknown.stdout) == (1, True)
