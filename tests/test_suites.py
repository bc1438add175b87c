"""Every combination, as a team has it: its own environment, its own gates, its own tests."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from template import MODULES, PARTS, TEMPLATE, choose

pytestmark = pytest.mark.unix

# The awkward names go through whole suites as well, each with a combination of its own.
NAMES = {
    ("sse",): {"project_name": "Zu"},
    ("jsonl",): {"project_name": "Q" * 60},
    ("file_download",): {"project_name": "3D 4 You", "author": "Zoë O'Brien"},
    ("batch_export",): {"package_name": "zz_top", "description": """It's a "quoted" \\ one."""},
}

GALLERY = TEMPLATE / "docs" / "gallery.md"
SLOWEST = "--durations=10 --durations-min=1"
DURATION = r"^([\d.]+)s (?:call|setup|teardown) +(\S.*)$"

LIST_IMPORT_NAMES = """
import importlib.metadata, json
print(json.dumps(sorted(importlib.metadata.packages_distributions())))
"""


def leave_out(*folders: str) -> str:
    return " ".join(f"--ignore=tests/{folder}" for folder in folders)


CORE = ("streaming", "loadtest")
# What depends on the combination: the service as a whole, its settings, its docs and its clients.
WHOLE_SERVICE = leave_out(*CORE, "modules", "demo", *sorted(PARTS))
# The tests of the core and of each part run once with few modules, so that they lean on no other.
WITH_THE_CORE = ("sse",)
WITH_THEIR_PARTS = {("file_download",), ("jsonl",)}


# Other suites run beside those of the combinations: what measures time has a test for itself.
QUICK = "-m 'not slow and not alone'"
SLOW = "-m 'slow and not alone'"
ALL = "-m 'not alone'"


def choose_tests(combination: tuple[str, ...], *, slow: bool) -> tuple[str, list[str]]:
    """What a combination runs, in words and as the arguments of one run of pytest each.

    Each module's own tests run alone and with all the others; those that take seconds run once,
    where fewest other modules could help them.
    """
    if len(combination) == len(MODULES):
        scope = "all but those of the core and of the parts"
        quick = f"{leave_out(*CORE, *sorted(PARTS))} {QUICK}"
        thorough = [quick, f"{SLOW} {WHOLE_SERVICE}"]
    elif len(combination) > 1:
        scope, quick = "the service as a whole", f"{WHOLE_SERVICE} {QUICK}"
        thorough = [quick]
    elif combination == WITH_THE_CORE:
        scope, quick, thorough = "all tests", QUICK, [ALL]
    else:
        others = () if combination in WITH_THEIR_PARTS else sorted(PARTS)
        own = leave_out(*CORE, *others)
        scope, quick, thorough = "all but those of the core", f"{own} {QUICK}", [f"{own} {ALL}"]
    return (scope, thorough) if slow else (f"{scope}, without the slow ones", [quick])


@pytest.fixture(scope="session")
def environment(worker_id: str) -> Path:
    """A virtual environment that one combination after the other makes its own.

    `uv sync` leaves in it what a project's own `pyproject.toml` says, and nothing else; what stays
    is the byte code of the packages that the next one needs too.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / TEMPLATE.name / f"suites-{worker_id}"


def test_generated_suite(
    render, run, uv, environment, combination, record_property, request, tmp_path
):
    scope, runs = choose_tests(combination, slow=request.config.getoption("--slow"))
    record_property("scope", scope)
    project = render(**choose(*combination), **NAMES.get(combination, {}))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    settings = {"UV": uv, "UV_PROJECT_ENVIRONMENT": str(environment), "PICTURES": str(pictures)}
    run("make", "check", cwd=project, **settings)
    slowest = []
    for arguments in runs:
        result = run("make", "test", f"ARGS={arguments} {SLOWEST}", cwd=project, **settings)
        assert re.search(r"\d+ passed", result.stdout)
        slowest += re.findall(DURATION, result.stdout, re.MULTILINE)
    record_property("slowest", slowest)
    if len(combination) == len(MODULES):
        python = environment / "bin" / "python"
        check_reserved_names(run(python, "-c", LIST_IMPORT_NAMES, cwd=project).stdout)
        if request.config.getoption("--slow"):
            check_gallery(pictures)


@pytest.mark.alone
def test_what_measures_time_in_the_suite_of_all_modules(render, run, uv, environment, request):
    project = render(**choose(*MODULES))
    settings = {"UV": uv, "UV_PROJECT_ENVIRONMENT": str(environment)}
    marks = "alone" if request.config.getoption("--slow") else "alone and not slow"
    result = run("make", "test", f"ARGS=-m '{marks}' {SLOWEST}", cwd=project, **settings)
    assert re.search(r"\d+ passed", result.stdout)


def check_gallery(made: Path) -> None:
    """The gallery shows the pictures that this suite makes; `UPDATE_DOCS=1` keeps the new ones."""
    if os.environ.get("UPDATE_DOCS"):
        shutil.copytree(made, GALLERY.with_name("pictures"), dirs_exist_ok=True)
    names = {path.name for path in made.iterdir()}
    assert names == {path.name for path in GALLERY.with_name("pictures").iterdir()}
    assert names == set(re.findall(r"pictures/([\w.]+)", GALLERY.read_text("utf-8")))


def check_reserved_names(import_names: str) -> None:
    """The hook refuses a package name that would hide any package of the environment."""
    hook = (TEMPLATE / "hooks" / "pre_gen_project.py").read_text(encoding="utf-8")
    found = re.search(r'^DEPENDENCIES = """(.*?)"""', hook, re.DOTALL | re.MULTILINE)
    assert found
    legal = {name for name in json.loads(import_names) if re.fullmatch(r"[a-z]\w*", name)}
    assert legal - {"my_service"} <= set(found[1].split())
