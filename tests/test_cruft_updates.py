"""Updates of services that teams have made their own, with cruft: what is merged, what is left."""

import json
import os
import sys
from itertools import permutations
from pathlib import Path

import pytest

from repository import GIT, Repository, create
from template import MODULES, choose

pytestmark = pytest.mark.unix

MAIN = "src/my_service/main.py"
ROUTE = '\n\n@app.get("/hello")\ndef hello() -> str:\n    return "hello"\n'
DONE = "Good work! Project's cruft has been updated and is as clean as possible!"


@pytest.fixture
def update(run):
    """`cruft update` as people run it, without its question; the result with what it prints."""

    def run_update(service: Repository, *options: str, answers: str = "{}"):
        command = (sys.executable, "-m", "cruft", "update", "--skip-apply-ask")
        options = (*options, "--variables-to-update", answers)
        return run(*command, *options, cwd=service.folder, check=False)

    return run_update


@pytest.fixture
def commit(run):
    """`git commit --all` where the hooks of the service are installed; those that need no packages run."""

    def run_commit(service: Repository):
        python = str(Path(sys.executable).parent)
        environment = {"SKIP": "format,lint,types", "PATH": f"{python}:{os.environ['PATH']}"}
        run("pre-commit", "install", cwd=service.folder, **environment)
        command = (*GIT, "commit", "--quiet", "--message", "update", "--all")
        return run(*command, cwd=service.folder, check=False, **environment)

    return run_commit


def edit_as_a_team_does(service: Repository) -> None:
    """Edits of files that modules share, beside what a module brings to them."""
    service.replace("README.md", "## Start\n", "## Start here\n")
    service.replace(
        "pyproject.toml", "dependencies = [\n", 'dependencies = [\n    "aiosmtplib>=5",\n'
    )
    service.write(MAIN, service.text(MAIN) + ROUTE)
    service.commit("our own")


def test_a_module_comes_and_goes_around_what_a_team_has_edited(
    template_repository, tmp_path, update
):
    service = create(template_repository, tmp_path, extra_context=choose("sse")).start()
    edit_as_a_team_does(service)
    edited = service.files()

    assert DONE in update(service, answers='{"jsonl": true}').stdout
    assert "## Start here\n" in service.text("README.md")
    assert "| `jsonl` |" in service.text("README.md")
    assert '"aiosmtplib>=5"' in service.text("pyproject.toml")
    assert '"stamina==' in service.text("pyproject.toml")
    assert service.text(MAIN).endswith(ROUTE)

    service.commit("add jsonl")
    assert DONE in update(service, answers='{"jsonl": false}').stdout
    assert service.files() == edited


CRUFT = f"CRUFT={sys.executable} -m cruft"


@pytest.mark.slow
@pytest.mark.parametrize(("first", "second"), [*permutations(MODULES, 2)])
def test_make_adds_a_module(template_repository, tmp_path, run, first, second):
    """With what names it in shared files: as if both had been chosen at once."""
    service = create(template_repository, tmp_path / "one", extra_context=choose(first)).start()
    both = create(template_repository, tmp_path / "two", extra_context=choose(first, second))
    run("make", "add", f"MODULE={second}", CRUFT, cwd=service.folder)
    assert service.files() == both.files()


@pytest.mark.parametrize("module", ["", "sse", "nope", "author"])
def test_make_adds_nothing_that_there_is_not_or_is_there(
    template_repository, tmp_path, run, module
):
    service = create(template_repository, tmp_path, extra_context=choose("sse")).start()
    before = service.files()
    said = run("make", "add", f"MODULE={module}", "CRUFT=false", cwd=service.folder, check=False)
    assert said.returncode != 0
    assert "not there yet: file_download jsonl batch_export\n" in said.stdout
    assert service.files() == before


def test_make_updates_and_check_names_conflicts(newer_template, tmp_path, run):
    service = create(newer_template, tmp_path, extra_context=choose("sse")).start()
    run("make", "update", CRUFT, cwd=service.folder)
    run("make", "merged", cwd=service.folder)


def test_what_is_new_in_the_template_is_merged_with_edits_of_the_same_files(
    newer_template, tmp_path, update
):
    service = create(newer_template, tmp_path, extra_context=choose("sse")).start()
    edit_as_a_team_does(service)
    service.git("rm", "--quiet", "-r", "docs/modules")
    service.commit("no docs")

    main = "{{cookiecutter.project_slug}}/src/{{cookiecutter.package_name}}/main.py"
    newer_template.write(main, '"""The application."""\n\n' + newer_template.text(main))
    readme = "{{cookiecutter.project_slug}}/README.md"
    newer_template.replace(readme, "## Modules\n", "## Its modules\n")
    docs = "{{cookiecutter.project_slug}}/docs/modules/sse.md"
    newer_template.write(docs, newer_template.text(docs) + "\nMore.\n")
    newer_template.commit("newer")

    assert DONE in update(service).stdout
    assert service.text(MAIN).startswith('"""The application."""\n')
    assert service.text(MAIN).endswith(ROUTE)
    assert "## Start here\n" in service.text("README.md")
    assert "## Its modules\n" in service.text("README.md")
    assert not (service.folder / "docs" / "modules").exists()


def disagree(template: Repository, service: Repository) -> None:
    """Both change one line of the README, and not in the same way; the template is ahead."""
    template.replace("{{cookiecutter.project_slug}}/README.md", "## Modules\n", "## Its modules\n")
    template.commit("newer")
    service.replace("README.md", "## Modules\n", "## Our modules\n")


def test_a_conflict_is_said_and_marked_and_not_committed(newer_template, tmp_path, update, commit):
    service = create(newer_template, tmp_path, extra_context=choose("sse")).start()
    disagree(newer_template, service)
    service.commit("our own")

    result = update(service)
    assert "Applied patch to 'README.md' with conflicts." in result.stdout
    # cruft 2.16 calls that a success all the same, and records the newer template.
    assert result.returncode == 0
    assert DONE in result.stdout
    marked = "<<<<<<< ours\n## Our modules\n=======\n## Its modules\n>>>>>>> theirs\n"
    assert marked in service.text("README.md")

    refused = commit(service)
    assert refused.returncode != 0
    assert "README.md:" in refused.stdout
    service.replace("README.md", marked, "## Our modules\n")
    assert commit(service).returncode == 0


def test_changes_are_rejected_where_the_created_files_were_never_committed(
    newer_template, tmp_path, update, commit
):
    service = create(newer_template, tmp_path, extra_context=choose("sse"))
    disagree(newer_template, service)
    service.start()  # too late: git does not know what the edit was made to

    result = update(service)
    assert "error: patch failed: README.md" in result.stdout
    assert "may have *.rej files" in result.stdout
    assert result.returncode == 0
    assert "## Our modules\n" in service.text("README.md")
    assert "+## Its modules\n" in service.text("README.md.rej")

    refused = commit(service)  # which does not stage new files
    assert refused.returncode != 0
    assert "README.md.rej" in refused.stdout


def test_a_source_that_a_team_has_edited_stays_when_its_module_goes(
    template_repository, tmp_path, update
):
    source = "src/my_service/modules/sse/source.py"
    service = create(template_repository, tmp_path, extra_context=choose("sse", "jsonl")).start()
    service.write(source, "OURS = True\n")
    edit_as_a_team_does(service)

    result = update(service, answers='{"sse": false}')
    assert f"error: {source}: patch does not apply" in result.stdout
    assert result.returncode == 0
    left = [name for name in service.files() if "sse" in Path(name).parts]
    assert left == [source]
    assert service.text(source) == "OURS = True\n"
    assert "| `sse` |" not in service.text("README.md")


def test_an_update_is_refused_while_there_is_work_that_is_not_committed(
    template_repository, tmp_path, update
):
    service = create(template_repository, tmp_path, extra_context=choose("sse")).start()
    service.write("notes.md", "mine\n")
    result = update(service, answers='{"jsonl": true}')
    assert result.returncode == 1
    assert "Please make sure your git working tree is clean" in result.stdout
    assert not json.loads(service.text(".cruft.json"))["context"]["cookiecutter"]["jsonl"]


def change_everything(service: Repository) -> None:
    """A package of another name, a file that moved, a module that went, routes that came."""
    service.git("mv", "src/my_service", "src/readings")
    service.git("mv", "src/readings/console/links.py", "src/readings/links.py")
    for path in ("src/readings/modules/jsonl", "tests/modules/jsonl", "docs/modules/jsonl.md"):
        service.git("rm", "-r", "--force", "--quiet", path)
    main = "src/readings/main.py"
    service.write(main, service.text(main) + ROUTE)
    service.replace("README.md", "## Start\n", "## Start here\n")
    service.commit("our own")


def make_newer(template: Repository) -> None:
    package = "{{cookiecutter.project_slug}}/src/{{cookiecutter.package_name}}"
    template.replace("{{cookiecutter.project_slug}}/README.md", "## Modules\n", "## Its modules\n")
    for name in ("streaming/threads.py", "modules/jsonl/router.py", "console/links.py"):
        text = template.text(f"{package}/{name}")
        template.write(f"{package}/{name}", text + "\n# new in the template\n")
    template.commit("newer")


def test_a_team_that_has_changed_everything_loses_nothing_and_says_how_it_named_the_package(
    newer_template, tmp_path, update
):
    service = create(newer_template, tmp_path, extra_context=choose("sse", "jsonl")).start()
    change_everything(service)
    service.replace(".cruft.json", '"package_name": "my_service"', '"package_name": "readings"')
    service.commit("say so to cruft")
    edited = service.files()
    make_newer(newer_template)

    assert DONE in update(service).stdout
    changed = {name for name, content in service.files().items() if edited.get(name) != content}
    assert changed == {".cruft.json", "README.md", "src/readings/streaming/threads.py"}
    assert "## Start here\n" in service.text("README.md")
    assert "## Its modules\n" in service.text("README.md")
    assert edited.keys() == service.files().keys()


def test_without_that_the_renamed_package_is_left_behind_but_whole(
    newer_template, tmp_path, update
):
    service = create(newer_template, tmp_path, extra_context=choose("sse", "jsonl")).start()
    change_everything(service)
    edited = service.files()
    make_newer(newer_template)
    assert DONE in update(service).stdout
    changed = {name for name, content in service.files().items() if edited.get(name) != content}
    assert changed == {".cruft.json", "README.md"}
