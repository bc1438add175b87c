"""`cookiecutter -f` on a folder that has files: what it adds, and all that it leaves alone."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePath

import pytest

from template import COMBINATIONS, MODULES, PARTS, PROJECT, TEMPLATE, choose

sys.path.insert(0, str(TEMPLATE / "hooks"))
from regeneration import LOADTEST, Refused, Regeneration, owner

Result = subprocess.CompletedProcess[str]

APP = "from fastapi import FastAPI\n\napp = FastAPI()\n"
INCLUDING = (
    "from fastapi import FastAPI\n\n{imports}\n\napp = FastAPI()\n{calls}\n\n\n"
    "@app.get('/orders')\ndef list_orders() -> list[int]:\n    return [1, 2, 3]\n"
)
PYPROJECT = """[project]
name = "orders"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["fastapi>=0.165", "uvicorn>=0.54"]

[dependency-groups]
dev = ["pytest==9.2.0"]
"""
LAYOUTS = {"src": "src/orders", "flat": "orders"}


@pytest.fixture
def commit(run) -> Callable[[Path], None]:
    """Put all that a folder has under git."""

    def commit_all(folder: Path) -> None:
        if not (folder / ".git").exists():
            run("git", "init", "--quiet", cwd=folder)
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        run("git", "add", "--all", cwd=folder)
        run("git", *identity, "commit", "--quiet", "-m", "all", cwd=folder)

    return commit_all


@pytest.fixture
def regenerate(template: Path) -> Callable[..., Result]:
    """Run `cookiecutter -f` on a folder that exists, as a user does."""

    def run_cookiecutter(folder: Path, *answers: str, repo: Path = template) -> Result:
        command = [sys.executable, "-m", "cookiecutter", repo, "--default-config", "--no-input"]
        return subprocess.run(
            [*command, "-f", "-o", folder.parent, f"project_slug={folder.name}", *answers],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return run_cookiecutter


@pytest.fixture(params=[*LAYOUTS.values()], ids=[*LAYOUTS])
def orders(request, tmp_path, commit) -> Path:
    """A FastAPI project that was not made from the template, under git."""
    project = tmp_path / "orders"
    files = {
        f"{request.param}/__init__.py": "",
        f"{request.param}/main.py": APP,
        "pyproject.toml": PYPROJECT,
        "tests/conftest.py": "import pytest\n",
        "tests/test_orders.py": "def test_orders():\n    assert True\n",
        "README.md": "# Orders\n",
    }
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    commit(project)
    return project


def only(*modules: str) -> list[str]:
    return [f"{module}={chosen}" for module, chosen in choose(*modules).items()]


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def owner_of(name: str) -> str | None:
    return owner(PurePath(name), MODULES)


def owned(files: dict[str, str], *owners: str) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if owner_of(name) in owners}


def said(result: Result, verb: str) -> list[str]:
    lines = (line.strip() for line in result.stdout.splitlines())
    return [line.removeprefix(verb).strip() for line in lines if line.startswith(verb)]


def test_a_module_is_added_to_a_project_of_another_kind_and_nothing_else_is_touched(
    orders, regenerate
):
    before = hashes(orders)
    result = regenerate(orders, *only("jsonl"))
    assert result.returncode == 0, result.stderr
    after = hashes(orders)
    assert {name: after[name] for name in before} == before
    package = "src/orders" if (orders / "src").exists() else "orders"
    assert f"{package}/modules/jsonl/router.py" in after
    assert f"{package}/streaming/responses.py" in after
    glue = {f"{package}/modules/__init__.py", "clients/javascript/package.json"}
    added = after.keys() - before.keys()
    unowned = {name for name in added if owner_of(name) is None}
    assert {name for name in unowned if LOADTEST not in PurePath(name).parts[:2]} == glue
    assert "loadtest/stream.py" in unowned
    assert not [name for name in added if "console" in PurePath(name).parts]
    assert not owned(after, *MODULES.keys() - {"jsonl"})
    assert not [name for name in after if "console" in name], "it is a page of services"
    page = (orders / "docs" / "modules" / "jsonl.md").read_text("utf-8")
    assert f"`{package}/modules/jsonl/source.py`" in page


def test_a_part_of_a_larger_repository_can_be_regenerated(tmp_path, orders, regenerate, commit):
    shutil.rmtree(orders / ".git")
    (tmp_path / "elsewhere.txt").write_text("mine", encoding="utf-8")
    commit(tmp_path)
    (tmp_path / "elsewhere.txt").write_text("edited, and not committed", encoding="utf-8")
    before = hashes(tmp_path)
    assert regenerate(orders, *only("sse")).returncode == 0
    after = hashes(tmp_path)
    assert {name: after[name] for name in before} == before
    assert len(after) > len(before)


@pytest.mark.parametrize("orders", ["orders"], ids=["flat"], indirect=True)
@pytest.mark.unix
def test_who_follows_the_steps_has_a_module_that_works(orders, regenerate, run, uv, commit):
    steps = regenerate(orders, *only("jsonl")).stdout
    commands = [line.strip() for line in steps.splitlines() if line.startswith("  uv add")]
    path = f"{Path(uv).parent}{os.pathsep}{os.environ['PATH']}"
    run("sh", "-e", "-c", commands[0], cwd=orders, PATH=path)
    lines = [line.strip() for line in steps.partition("app is made:")[2].splitlines()]
    imports = "\n".join(line for line in lines if line.startswith("from "))
    calls = "\n".join(line for line in lines if "app)" in line or "app.include" in line)
    (orders / "orders" / "main.py").write_text(INCLUDING.format(imports=imports, calls=calls))
    conftest = next(line for line in lines if line.startswith("pytest_plugins"))
    (orders / "tests" / "conftest.py").write_text(conftest + "\n", encoding="utf-8")
    with (orders / "pyproject.toml").open("a") as pyproject:
        pyproject.write('\n[tool.pytest.ini_options]\npythonpath = ["."]\n')
    command = ("run", "--no-sync", "pytest", "-q", "-m", "not slow and not alone")
    result = run(
        uv, *command, "tests", "--ignore=tests/streaming", "--ignore=tests/records", cwd=orders
    )
    assert " passed" in result.stdout
    commit(orders)
    again = regenerate(orders, *only("jsonl")).stdout
    assert "All files are as the template has them." in again
    assert "uv add" not in again
    assert "app is made" not in again


def test_what_was_not_chosen_keeps_its_edits_and_every_source_is_the_teams(
    render, regenerate, commit
):
    service = render(**choose("sse", "jsonl"))
    modules = service / "src" / "my_service" / "modules"
    edited = [
        modules / "sse" / "router.py",
        modules / "jsonl" / "source.py",
        service / "README.md",
        service / "src" / "my_service" / "main.py",
    ]
    for path in edited:
        path.write_text(path.read_text("utf-8") + "\n# ours\n", encoding="utf-8")
    engine = modules / "jsonl" / "negotiation.py"
    rendered = engine.read_text("utf-8")
    engine.write_text("# a change in a file that regeneration refreshes\n", encoding="utf-8")
    (modules / "jsonl" / "ours.py").write_text("ANSWER = 42\n", encoding="utf-8")
    commit(service)
    before = hashes(service)
    result = regenerate(service, *only("jsonl", "batch_export"))
    assert result.returncode == 0, result.stderr
    after = hashes(service)
    changed = {name for name in before if after.get(name) != before[name]}
    assert changed == {"src/my_service/modules/jsonl/negotiation.py", "streaming.json"}
    assert engine.read_text("utf-8") == rendered
    added_owners = {owner_of(name) for name in after.keys() - before.keys()}
    assert added_owners == {"batch_export", *MODULES["batch_export"]} - {"records"}
    kept = [f"src/my_service/{folder}/source.py" for folder in ("modules/jsonl", "records")]
    assert said(result, "kept") == kept
    assert said(result, "left alone") == ["sse, which was not chosen"]
    assert "src/my_service/modules/jsonl/negotiation.py" in said(result, "refreshed")
    files = [name for name in after if name.startswith("src/my_service/modules/batch_export/")]
    added = f"src/my_service/modules/batch_export/ ({len(files)} files)"
    assert added in said(result, "added")


def test_what_was_done_is_undone_by_the_commands_that_it_names(orders, regenerate, run):
    before = hashes(orders)
    [undo] = said(regenerate(orders, *only("jsonl")), "Undo it:")
    (orders / "notes.txt").write_text("what somebody has written meanwhile", "utf-8")
    run("sh", "-e", "-c", undo, cwd=orders)
    assert hashes(orders) == before
    run("git", "stash", "pop", cwd=orders)
    assert (orders / "notes.txt").read_text("utf-8") == "what somebody has written meanwhile"


def test_a_dry_run_says_what_would_change_and_writes_nothing(orders, regenerate):
    before = hashes(orders)
    dry = regenerate(orders, *only("jsonl"), "_dry_run=yes")
    assert dry.returncode == 0, dry.stderr
    assert "would change so" in dry.stdout
    assert hashes(orders) == before
    assert said(regenerate(orders, *only("jsonl")), "added") == said(dry, "added")


@pytest.mark.parametrize(
    ("before", "later"),
    [
        pytest.param(
            before,
            later,
            id=f"{'+'.join(before)} and then {later}",
            marks=[] if len(before) == 1 else pytest.mark.slow,
        )
        for before in COMBINATIONS
        for later in MODULES
        if later not in before and len(before) != 2  # beside one other, and beside all others
    ],
)
def test_a_module_that_comes_later_is_the_same(render, regenerate, commit, before, later):
    service = render(**choose(*before))
    commit(service)
    result = regenerate(service, *only(later))
    assert result.returncode == 0, result.stderr
    regenerated = owned(hashes(service), *MODULES, *PARTS, "streaming", "demo")
    shutil.rmtree(service)
    assert regenerated == owned(
        hashes(render(**choose(*before, later))), *MODULES, *PARTS, "streaming", "demo"
    )


def test_the_answers_are_kept_for_the_next_time(render, template, commit, tmp_path, run):
    service = render(**choose("jsonl"), author="Ada", project_name="Old Name")
    commit(service)
    command = [sys.executable, "-m", "cookiecutter", template, "-f", "--no-input"]
    answers = ("--config-file", "streaming.json", "-o", "..", "sse=yes")
    said = run(*command, *answers, cwd=service).stdout
    assert "src/old_name/modules/sse/" in said
    kept = json.loads((service / "streaming.json").read_text("utf-8"))["default_context"]
    assert kept["author"] == "Ada"
    assert [module for module in MODULES if kept[module]] == ["sse", "jsonl"]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux shows commands")
@pytest.mark.parametrize("orders", ["src/orders"], indirect=True)
def test_only_what_was_named_comes_into_a_repository(render, template, commit, run, orders):
    """The answers of cookiecutter.json are for a new service."""
    command = [sys.executable, "-m", "cookiecutter", template, "-f", "--no-input"]
    refused = run(*command, "project_slug=orders", cwd=orders.parent, check=False)
    assert "name a module, such as sse=yes" in refused.stdout
    run(*command, "project_slug=orders", "jsonl=yes", cwd=orders.parent)
    assert modules_of(orders) == {"jsonl"}
    commit(orders)
    run(*command, "project_slug=orders", "sse=yes", cwd=orders.parent)
    assert modules_of(orders) == {"jsonl", "sse"}
    kept = json.loads((orders / "streaming.json").read_text("utf-8"))["default_context"]
    assert [module for module in MODULES if kept[module]] == ["sse", "jsonl"]


def modules_of(project: Path) -> set[str]:
    return {path.name for path in project.glob("**/modules/*/") if path.parts[-3] == project.name}


def test_what_a_team_has_written_into_its_answers_stays(render, template, commit, run):
    service = render(**choose("jsonl"))
    answers = json.loads((service / "streaming.json").read_text("utf-8"))
    answers["default_context"] |= {"jsonl": False, "colour": "blue", "author": "Ada"}
    (service / "streaming.json").write_text(json.dumps(answers), "utf-8")
    commit(service)
    command = [sys.executable, "-m", "cookiecutter", template, "-f", "--no-input", "-o", ".."]
    run(*command, "--config-file", "streaming.json", "sse=yes", cwd=service)
    kept = json.loads((service / "streaming.json").read_text("utf-8"))["default_context"]
    assert kept == answers["default_context"] | {"sse": True}


def make_dirty(project: Path) -> None:
    (project / "README.md").write_text("edited", encoding="utf-8")


def add_a_file(project: Path) -> None:
    (project / "new.txt").write_text("mine", encoding="utf-8")


def leave_git(project: Path) -> None:
    shutil.rmtree(project / ".git")


def ignore_a_file_in_the_way(project: Path) -> None:
    page = project / "docs" / "streaming.md"
    page.parent.mkdir()
    page.write_text("mine", encoding="utf-8")
    with (project / ".git" / "info" / "exclude").open("a") as excluded:
        excluded.write("docs/\n")


def link_a_folder(project: Path) -> None:
    outside = project.parent / "outside"
    outside.mkdir()
    (project / "docs").symlink_to(outside)


def make_a_folder_of_a_file(project: Path) -> None:
    folder = project / "streaming.json"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine", encoding="utf-8")


def have_a_core_of_ones_own(project: Path) -> None:
    own = project / "src" / "orders" / "streaming" / "kafka.py"
    own.parent.mkdir()
    own.write_text("TOPIC = 'orders'\n", encoding="utf-8")


def have_a_page_of_that_name(project: Path) -> None:
    page = project / "docs" / "streaming.md"
    page.parent.mkdir()
    page.write_text("# How we stream\n", encoding="utf-8")


def have_a_load_test_of_that_name(project: Path) -> None:
    report = project / "loadtest" / "report.py"
    report.parent.mkdir()
    report.write_text("print('fast')\n", encoding="utf-8")


def hide_an_edit_from_git(project: Path) -> None:
    package = project / "src" / "orders" / "streaming"
    shutil.copytree(PROJECT / "src" / "{{cookiecutter.package_name}}" / "streaming", package)
    (package / "application.py").write_text("before\n", encoding="utf-8")
    for command in (
        ["add", "."],
        ["update-index", "--skip-worktree", str(package / "application.py")],
    ):
        subprocess.run(["git", *command], cwd=project, check=True)


def break_the_answers(project: Path) -> None:
    (project / "streaming.json").write_text("no answers", encoding="utf-8")


IN_THE_WAY = {
    "uncommitted changes": (make_dirty, False, "README.md"),
    "a file that git does not know": (add_a_file, False, "new.txt"),
    "no git": (leave_git, False, "not under git"),
    "an ignored file in the way": (ignore_a_file_in_the_way, False, "docs/streaming.md"),
    "a link out of the project": (link_a_folder, True, "docs"),
    "a folder in the place of a file": (make_a_folder_of_a_file, True, "streaming.json"),
    "a package of that name": (have_a_core_of_ones_own, True, "src/orders/streaming"),
    "a page of that name": (have_a_page_of_that_name, True, "docs/streaming.md"),
    "a load test of that name": (have_a_load_test_of_that_name, True, "loadtest/report.py"),
    "an edit that git is not to see": (hide_an_edit_from_git, True, "streaming/application.py"),
    "answers that are none": (break_the_answers, True, "streaming.json"),
}


@pytest.mark.parametrize("orders", ["src/orders"], ids=["src"], indirect=True)
@pytest.mark.parametrize(
    ("change", "committed", "what"), IN_THE_WAY.values(), ids=IN_THE_WAY.keys()
)
def test_it_is_refused_in_one_line_and_nothing_is_written(
    orders, regenerate, commit, change, committed, what
):
    change(orders)
    if committed:
        commit(orders)
    before = hashes(orders.parent)
    result = regenerate(orders, *only("jsonl"))
    assert result.returncode != 0
    [line] = [line for line in result.stderr.splitlines() if what in line]
    assert "first" in line
    assert hashes(orders.parent) == before
    assert not (orders / ".regeneration").exists()


def test_a_service_is_not_rendered_into_itself(render, template, run):
    service = render()
    command = [sys.executable, "-m", "cookiecutter", template, "-f", "--no-input"]
    result = run(*command, "--config-file", "streaming.json", cwd=service, check=False)
    assert result.returncode != 0
    assert "add -o .." in result.stdout
    assert not (service / "my-service").exists()


def test_a_package_that_is_not_there_is_named_with_those_that_are(orders, regenerate):
    before = hashes(orders)
    result = regenerate(orders, *only("jsonl"), "package_name=ordres")
    assert result.returncode != 0
    [line] = [line for line in result.stderr.splitlines() if "ordres" in line]
    assert "here is orders" in line
    assert hashes(orders) == before


def test_a_failure_half_way_leaves_the_project_as_it_was(orders, regenerate, template):
    stage = orders / ".regeneration" / "rendered"
    package = "src/orders" if (orders / "src").exists() else "orders"
    core = orders / package / "streaming"
    core.mkdir()
    (core / "delivery.py").touch()
    (stage / "src" / "orders" / "streaming").mkdir(parents=True)
    (stage / "src" / "orders" / "streaming" / "delivery.py").touch()
    (stage / "src" / "orders" / "modules" / "jsonl").mkdir(parents=True)
    (stage / "streaming.json").write_text("{}", encoding="utf-8")
    for name in ("router.py", "source.py"):
        (stage / "src" / "orders" / "modules" / "jsonl" / name).write_text("new\n", "utf-8")
    (orders / package / "modules" / "jsonl").mkdir(parents=True)
    (orders / package / "modules" / "jsonl" / "router.py").write_text("old\n", "utf-8")
    subprocess.run(["git", "add", "."], cwd=orders, check=True)
    before = hashes(orders)
    regeneration = Regeneration(orders, "orders", MODULES)
    regeneration.choose(["jsonl"])
    regeneration.plan()
    assert len(regeneration.changes) == 3
    regeneration.changes[-1].source.unlink()
    with pytest.raises(FileNotFoundError):
        regeneration.write()
    shutil.rmtree(orders / ".regeneration")
    assert hashes(orders) == {
        name: digest for name, digest in before.items() if not name.startswith(".regeneration")
    }


def test_a_template_that_cannot_be_rendered_changes_nothing(orders, regenerate, checkout, run):
    page = checkout / "{{cookiecutter.project_slug}}" / "docs" / "modules" / "jsonl.md"
    page.write_text("{{ cookiecutter.no_such_question }}", encoding="utf-8")
    before = hashes(orders)
    assert regenerate(orders, *only("jsonl"), repo=checkout).returncode != 0
    after = hashes(orders)
    assert {name: after[name] for name in before} == before
    assert run("git", "status", "--porcelain", cwd=orders).stdout == ""
    assert regenerate(orders, *only("jsonl")).returncode == 0


def test_what_git_ignores_is_said(orders, regenerate, commit):
    (orders / ".gitignore").write_text("clients/\n", encoding="utf-8")
    commit(orders)
    said = regenerate(orders, *only("jsonl")).stdout
    assert "Ignored by git" in said
    assert "  clients/python/jsonl.py" in said.splitlines()


def test_a_demo_that_a_team_has_deleted_stays_away(render, regenerate, commit):
    service = render(**choose("jsonl"))
    package = service / "src" / "my_service"
    shutil.rmtree(package / "demo")
    (package / "modules" / "jsonl" / "source.py").write_text("SOURCES = {}\n", "utf-8")
    commit(service)
    assert regenerate(service, *only("jsonl")).returncode == 0
    assert not (package / "demo").exists()
    assert regenerate(service, *only("sse")).returncode == 0
    assert (package / "demo").is_dir(), "the new source reads it"


def test_a_team_that_has_changed_everything_loses_nothing(render, regenerate, commit, run):
    service = render(**choose("sse", "jsonl"))
    package = service / "src" / "readings"
    (service / "src" / "my_service").rename(package)
    shutil.rmtree(package / "modules" / "jsonl")
    (package / "modules" / "sse").rename(package / "events")
    (package / "main.py").rename(package / "app.py")
    (service / "tests" / "modules").rename(service / "tests" / "old_modules")
    (service / "Makefile").unlink()
    commit(service)
    before = hashes(service)
    wrong = regenerate(service, *only("jsonl"))
    assert wrong.returncode != 0
    assert "here is readings" in wrong.stderr
    assert hashes(service) == before
    result = regenerate(service, *only("jsonl"), "package_name=readings")
    assert result.returncode == 0, result.stderr
    after = hashes(service)
    lost = {name for name in before if after.get(name) != before[name]}
    assert lost == set(said(result, "refreshed"))
    ours = {name for name in lost if LOADTEST not in PurePath(name).parts[:2]}
    assert {owner_of(name) for name in ours} <= {"demo", "jsonl", "records", "streaming"}
    assert (package / "modules" / "jsonl" / "router.py").exists()
    assert not (service / "Makefile").exists()


def test_a_new_repository_may_have_a_branch_named_after_a_module(run, template, tmp_path, commit):
    project = tmp_path / "my-service"
    project.mkdir()
    run("git", "init", "--quiet", "--initial-branch", "sse", cwd=project)
    command = [sys.executable, "-m", "cookiecutter", template, "--default-config", "--no-input"]
    run(*command, "-f", "sse=no", "-o", tmp_path, cwd=tmp_path)
    commit(project)
    assert run("git", "branch", "--show-current", cwd=project).stdout.strip() == "sse"
    assert not list(project.rglob("src/*/modules/sse"))


def test_no_copy_of_the_template_is_left_behind(orders, regenerate, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    make_dirty(orders)
    assert regenerate(orders, *only("jsonl")).returncode != 0
    assert not list(tmp_path.glob("cookiecutter*"))


def test_a_folder_of_a_teams_own_is_in_the_way_of_a_part(render, regenerate, commit):
    service = render(**choose("sse"))
    own = service / "src" / "my_service" / "records"
    own.mkdir()
    for name in ("__init__.py", "inputs.py", "vinyl.py"):
        (own / name).write_text("TITLES = 3\n", encoding="utf-8")
    commit(service)
    before = hashes(service)
    result = regenerate(service, *only("jsonl"))
    assert "src/my_service/records is in the way" in result.stderr
    assert hashes(service) == before


def test_a_path_has_at_most_one_owner():
    assert owner_of("tests/modules/sse/test_sse.py") == "sse"
    assert owner_of("src/orders/records/formats/csv.py") == "records"
    assert owner_of("src/orders/demo/sse.py") == "sse"
    assert owner_of("src/orders/demo/readings.py") == "demo"
    assert owner_of("docs/streaming/proxies.md") == "streaming"
    assert owner_of("src/orders/main.py") is None
    assert issubclass(Refused, Exception)
