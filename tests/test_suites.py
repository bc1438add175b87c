"""Every combination, as a team has it: its own environment, its own gates, its own tests."""

import json
import os
import re
from pathlib import Path

import pytest

from template import MODULES, TEMPLATE, choose

pytestmark = pytest.mark.unix

# The awkward names go through whole suites as well, each with a combination of its own.
NAMES = {
    ("sse",): {"project_name": "Zu"},
    ("jsonl",): {"project_name": "Q" * 60},
    ("file_download",): {"project_name": "3D 4 You", "author": "Zoë O'Brien"},
    ("batch_export",): {"package_name": "zz_top", "description": """It's a "quoted" \\ one."""},
}

LIST_IMPORT_NAMES = """
import importlib.metadata, json
print(json.dumps(sorted(importlib.metadata.packages_distributions())))
"""


QUICK = ("all but the core's and the slow tests", "-m 'not slow' --ignore=tests/streaming")
OF_A_MODULE = ("all but the core's tests", "--ignore=tests/streaming")
WITH_THE_CORE = ("all but the slow tests of the core", "-k 'not (streaming and slow)'")
WHOLE = ("all tests", "")


def choose_tests(combination: tuple[str, ...], config: pytest.Config) -> tuple[str, str]:
    """What a combination runs, in words and as pytest's arguments; `--only` is for a quick answer.

    The core is the same in all of them: its tests run with two modules alone, so that it can lean
    on neither, and the slow ones with all modules together.
    """
    if config.getoption("--only"):
        return QUICK
    if combination in {("sse",), ("jsonl",)}:
        return WITH_THE_CORE
    return {1: OF_A_MODULE, len(MODULES): WHOLE}.get(len(combination), QUICK)


@pytest.fixture(scope="session")
def environment(worker_id: str) -> Path:
    """A virtual environment that one combination after the other makes its own.

    `uv sync` leaves in it what a project's own `pyproject.toml` says, and nothing else; what stays
    is the byte code of the packages that the next one needs too.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / TEMPLATE.name / f"suites-{worker_id}"


def test_generated_suite(render, run, uv, environment, combination, record_property, request):
    scope, arguments = choose_tests(combination, request.config)
    record_property("scope", scope)
    project = render(**choose(*combination), **NAMES.get(combination, {}))
    settings = {"UV": uv, "UV_PROJECT_ENVIRONMENT": str(environment)}
    run("make", "check", cwd=project, **settings)
    result = run("make", "test", f"ARGS={arguments}", cwd=project, **settings)
    assert re.search(r"\d+ passed", result.stdout)
    if len(combination) == len(MODULES):
        python = environment / "bin" / "python"
        check_reserved_names(run(python, "-c", LIST_IMPORT_NAMES, cwd=project).stdout)


def check_reserved_names(import_names: str) -> None:
    """The hook refuses a package name that would hide any package of the environment."""
    hook = (TEMPLATE / "hooks" / "pre_gen_project.py").read_text(encoding="utf-8")
    found = re.search(r'^DEPENDENCIES = """(.*?)"""', hook, re.DOTALL | re.MULTILINE)
    assert found
    legal = {name for name in json.loads(import_names) if re.fullmatch(r"[a-z]\w*", name)}
    assert legal - {"my_service"} <= set(found[1].split())
