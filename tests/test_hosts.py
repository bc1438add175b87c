"""Modules in somebody else's app: one edit, the host's own tests as before, and our promises kept.

Each host is a folder in `hosts/`, with tests of its own.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from cookiecutter.main import cookiecutter

from repository import Repository
from template import MODULES, TEMPLATE, users_environment

pytestmark = [pytest.mark.slow, pytest.mark.unix]

HOSTS = TEMPLATE / "tests" / "hosts"
# What the modules promise, asked of the host.
STREAMS = HOSTS / "streams.py"


class Host(NamedTuple):
    package: str
    app: str
    """The file that makes the app."""

    openapi: str
    """Where it has its document; nowhere, if empty."""

    prefix: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012


TABLE = {
    "shop": Host("app", "app/main.py", "/api/v1/openapi.json", prefix="/api/v1"),
    "depot": Host("depot", "src/depot/service.py", "", headers={"X-Token": "sesame"}),
}


@pytest.fixture(scope="module")
def python(template: Path, uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has what all modules and their tests need."""
    folder = tmp_path_factory.mktemp("environment")
    service = cookiecutter(
        str(template), no_input=True, output_dir=str(folder), default_config=True
    )
    subprocess.run([uv, "sync", "--quiet"], cwd=service, env=users_environment(), check=True)
    return Path(service, ".venv", "bin", "python")


@pytest.mark.parametrize("name", TABLE)
def test_one_edit_lets_every_module_in_and_breaks_nothing(name, template, run, python, tmp_path):
    host = TABLE[name]
    repository = Repository(Path(shutil.copytree(HOSTS / name, tmp_path / name))).start()
    before = repository.files()
    said = run(*add_all_modules(template, repository.folder, host), cwd=tmp_path).stdout
    after = repository.files()
    assert {path: after[path] for path in before} == before

    imported, called = lines_of(said, "Where your app is made:")
    if host.prefix:
        called = called.replace("(app)", f"(app, prefix={host.prefix!r})")
    repository.write(host.app, f"{repository.text(host.app)}\n{imported}\n\n{called}\n")

    shutil.copy(STREAMS, repository.folder / "tests" / "test_streams.py")
    where = {
        "PYTHONPATH": f"{repository.folder}:{repository.folder / 'src'}",
        "HOST_APP": f"{host.package}.{Path(host.app).stem}:app",
        "HOST_PREFIX": host.prefix,
        "HOST_OPENAPI": host.openapi,
        "HOST_HEADERS": json.dumps(host.headers),
    }
    tests = (
        "-q",
        "-p",
        "tests.streaming.fixtures",
        f"tests/test_{name}.py",
        "tests/test_streams.py",
    )
    run(python, "-m", "pytest", *tests, cwd=repository.folder, **where)


def add_all_modules(template: Path, project: Path, host: Host) -> list[str | Path]:
    """What a user types."""
    command = [sys.executable, "-m", "cookiecutter", template, "--default-config", "--no-input"]
    answers = [f"{module}=yes" for module in MODULES]
    names = [f"project_slug={project.name}", f"package_name={host.package}"]
    return [*command, "-f", "-o", project.parent, *names, *answers]


def lines_of(said: str, title: str) -> list[str]:
    """The lines to paste that stand below a title."""
    block = said.partition(f"\n{title}\n")[2].partition("\n\n")[0]
    return [line.strip() for line in block.splitlines()]
