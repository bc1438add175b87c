"""`cookiecutter -f` on repositories of all kinds: it works, or is refused for a reason it names."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from repository import Repository
from template import choose

APP = "from fastapi import FastAPI\n\napp = FastAPI()\n"
UV = '[project]\nname = "orders"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{}]\n'
POETRY = """[tool.poetry]
name = "orders"

[tool.poetry.dependencies]
python = "^3.8"
fastapi = {version = "^0.95", extras = ["all"]}
uvicorn = "*"
"""
Add = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path) -> Callable[[Mapping[str, str]], Repository]:
    """A repository with these files, committed."""

    def make_project(files: Mapping[str, str]) -> Repository:
        folder = tmp_path / "orders"
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        return Repository(folder).start()

    return make_project


@pytest.fixture
def add_sse(run, template) -> Add:
    """What `cookiecutter -f` says where it brings the module `sse` into a folder."""

    def run_cookiecutter(folder: Path, package: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "cookiecutter", template, "--default-config", "--no-input")
        answers = (f"{name}={chosen}" for name, chosen in choose("sse").items())
        where = ("-f", "-o", folder.parent, f"project_slug={folder.name}")
        package = f"package_name={package}"
        return run(*command, *where, package, *answers, cwd=folder, check=False)

    return run_cookiecutter


REFUSED = {
    "imports begin with src": (
        {"src/shop/main.py": APP, "tests/test_shop.py": "from src.shop.main import app\n"},
        "shop",
        "tests/test_shop.py imports src.shop, and the template's files import shop",
    ),
    "src is the package": ({"src/main.py": APP}, "src", "'src' is a folder of the service"),
    "one file": ({"main.py": APP}, "orders", "move main.py into a package first"),
    "a namespace package": (
        {"company/orders/main.py": APP},
        "orders",
        "package_name must be a package",
    ),
    "the name of another package": (
        {"src/shop/main.py": APP},
        "orders",
        "'orders' is none; here is shop",
    ),
}


@pytest.mark.parametrize(
    ("files", "package", "reason"),
    REFUSED.values(),
    ids=[name.replace(" ", "-") for name in REFUSED],
)
def test_what_cannot_work_is_refused(project, add_sse, files, package, reason):
    repository = project(files)
    before = repository.files()
    result = add_sse(repository.folder, package)
    assert result.returncode != 0
    assert reason in result.stdout.replace(f"{repository.folder}", "")
    assert repository.files() == before


TAKEN = {
    "flat": ("", "shop", {"shop/main.py": APP, "pyproject.toml": UV.format("")}, "uv add "),
    "src": ("", "shop", {"src/shop/main.py": APP, "pyproject.toml": UV.format("")}, "uv add "),
    "below backend": (
        "backend",
        "app",
        {
            "backend/app/main.py": APP,
            "backend/pyproject.toml": UV.format(""),
            "README.md": "# All\n",
        },
        "uv add ",
    ),
    "a namespace package": (
        "",
        "company",
        {"company/orders/main.py": APP},
        "as to requirements.txt",
    ),
    "a workspace of uv": (
        "packages/shop",
        "shop",
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
            "packages/shop/src/shop/main.py": APP,
            "packages/shop/pyproject.toml": UV.format(""),
        },
        "uv add ",
    ),
    "Poetry": ("", "shop", {"shop/main.py": APP, "pyproject.toml": POETRY}, "poetry add "),
    "requirements.txt": (
        "",
        "shop",
        {"shop/main.py": APP, "requirements.txt": "fastapi\n"},
        "as to requirements.txt",
    ),
}


@pytest.mark.parametrize(
    ("below", "package", "files", "how"),
    TAKEN.values(),
    ids=[name.replace(" ", "-") for name in TAKEN],
)
def test_a_module_comes_and_the_tool_of_the_repository_is_named(
    project, add_sse, below, package, files, how
):
    repository = project(files)
    before = repository.files()
    result = add_sse(repository.folder / below, package)
    assert result.returncode == 0, result.stdout
    after = repository.files()
    assert {name: after[name] for name in before} == before
    assert any(name.endswith(f"{package}/modules/sse/router.py") for name in after)
    assert how in result.stdout


def test_versions_that_are_too_old_are_said(project, add_sse):
    said = add_sse(project(TAKEN["Poetry"][2]).folder, "shop").stdout
    assert "Older here than they need: fastapi 0.95.\n" in said
    assert "They need Python >=3.11, and pyproject.toml says ^3.8.\n" in said
    assert '"fastapi>=' in said
    assert '"uvicorn>=' not in said


def test_what_is_there_in_time_is_not_asked_for(project, add_sse):
    new = UV.format('"fastapi[standard]>=0.200,<1", "uvicorn"')
    said = add_sse(project({"shop/main.py": APP, "pyproject.toml": new}).folder, "shop").stdout
    assert "Older" not in said
    assert '"fastapi>=' not in said
    assert '"uvicorn>=' not in said
    assert '"prometheus-client>=' in said


def test_a_checkout_with_line_ends_of_windows_is_as_the_template(project, add_sse):
    repository = project({"shop/main.py": APP, "pyproject.toml": UV.format("")})
    repository.git("config", "core.autocrlf", "true")
    assert add_sse(repository.folder, "shop").returncode == 0
    repository.commit("sse")
    repository.git("rm", "--quiet", "-r", "--cached", ".")
    repository.git("reset", "--quiet", "--hard")
    assert b"\r\n" in (repository.folder / "shop/modules/sse/router.py").read_bytes()
    again = add_sse(repository.folder, "shop")
    assert "All files are as the template has them." in again.stdout
