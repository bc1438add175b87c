"""`extend.py`: a team's own template, of a release of this one and the overlay in the docs."""

import json
import shutil
import sys

import pytest

from repository import Repository, create
from template import TEMPLATE, choose

pytestmark = pytest.mark.unix

OVERLAY = TEMPLATE / "docs" / "overlay"
README = "{{cookiecutter.project_slug}}/README.md"


@pytest.fixture
def extend(newer_template, run, tmp_path):
    """Make the team's template of a release: `extend("v1.0.0")`."""
    company = Repository(tmp_path / "company")

    def make(release: str, overlay=OVERLAY, *, check: bool = True):
        program = newer_template.folder / "extend.py"
        command = (sys.executable, program, release, overlay, company.folder)
        return company, run(*command, cwd=tmp_path, check=check).stdout

    return make


@pytest.mark.slow
def test_its_services_have_the_teams_defaults_and_files_and_follow_both(
    newer_template, extend, tmp_path
):
    newer_template.git("tag", "v1.0.0")
    company, _ = extend("v1.0.0")
    company.start()
    service = create(company, tmp_path / "services", extra_context=choose("sse")).start()
    assert "The Weather Company" in service.text("LICENSE")
    assert "owner: the-weather-company" in service.text("catalog-info.yaml")

    service.replace("README.md", "## Modules\n", "## Our modules\n")
    service.commit("our own")
    newer_template.write(README, newer_template.text(README) + "\nNew in the template.\n")
    newer_template.commit("newer", tag="v1.1.0")
    overlay = shutil.copytree(OVERLAY, tmp_path / "overlay")
    catalog = next(overlay.rglob("catalog-info.yaml"))
    catalog.write_text(catalog.read_text("utf-8") + "  system: weather\n", "utf-8")
    company.write("notes.txt", "not committed")
    assert "commit what is there first" in extend("v1.1.0", overlay, check=False)[1]
    company.commit("notes")
    extend("v1.1.0", overlay)
    company.commit("v1.1.0")
    service.update()
    assert "  system: weather" in service.text("catalog-info.yaml")
    assert service.text("README.md").endswith("New in the template.\n")
    assert "## Our modules\n" in service.text("README.md")


def test_what_an_overlay_cannot_do_is_refused_and_nothing_is_written(
    newer_template, extend, tmp_path
):
    newer_template.git("tag", "v1.0.0")
    overlay = tmp_path / "overlay"
    (overlay / README).parent.mkdir(parents=True)
    for defaults, file, said in (
        ({"colour": "blue"}, None, "colour: no question of the template."),
        ({}, README, f"The template has {README}: an overlay changes no file."),
    ):
        (overlay / "defaults.json").write_text(json.dumps(defaults), "utf-8")
        if file:
            (overlay / file).write_text("# Ours\n", "utf-8")
        company, output = extend("v1.0.0", overlay, check=False)
        assert said in output
        assert not company.folder.exists()
    assert "has no release v9: git fetch --tags" in extend("v9", overlay, check=False)[1]
