"""What the tests of the template share: rendering, and the environment of a rendered project."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter

from repository import Repository
from template import COMBINATIONS, MODULES, TEMPLATE, users_environment

Render = Callable[..., Path]

# Repositories of other people, with tests of their own.
collect_ignore = ["hosts"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only", default="", help="one combination, such as sse+jsonl")
    parser.addoption("--slow", action="store_true", help="the slow tests too, as CI does")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "combination" in metafunc.fixturenames:
        only = tuple(filter(None, metafunc.config.getoption("--only").split("+")))
        if unknown := set(only) - MODULES.keys():
            raise pytest.UsageError(
                f"--only: {', '.join(unknown)}: not one of {', '.join(MODULES)}"
            )
        chosen = [each for each in COMBINATIONS if not only or set(each) == set(only)]
        metafunc.parametrize("combination", chosen, ids="+".join)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`--only` runs the suite of one combination, and nothing else; `--slow` what is marked so."""
    if config.getoption("--only"):
        items[:] = [item for item in items if "generated_suite" in item.name]
    if not config.getoption("--slow"):
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
    # The longest tests first, so that no worker is left with one of them in the end: the suites,
    # and among them those of all modules and of a single one.
    items.sort(key=_is_short)


def _is_short(item: pytest.Item) -> int:
    if "generated_suite" not in item.name:
        return 2
    return int(item.name.count("+") in range(1, len(MODULES) - 1))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template as it is now, without what git ignores: cookiecutter copies it all."""
    copy = tmp_path_factory.mktemp("template") / TEMPLATE.name
    command = ("git", "ls-files", "-co", "--exclude-standard", "-z")
    files = subprocess.run(command, cwd=TEMPLATE, check=True, capture_output=True, text=True)
    for name in filter(None, files.stdout.split("\0")):
        if (TEMPLATE / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TEMPLATE / name, copy / name)
    return copy


@pytest.fixture(scope="session")
def render_once(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Render:
    """Render the template as `cookiecutter --no-input` does; what is returned is shared."""
    rendered: dict[str, Path] = {}

    def render_project(**answers: Any) -> Path:
        key = repr(sorted(answers.items()))
        if key not in rendered:
            project = cookiecutter(
                str(template),
                no_input=True,
                output_dir=str(tmp_path_factory.mktemp("rendered")),
                extra_context=answers,
                default_config=True,
            )
            rendered[key] = Path(project)
        return rendered[key]

    return render_project


@pytest.fixture
def render(tmp_path: Path, render_once: Render) -> Render:
    """A rendered project of a test's own; returns its folder."""

    def copy_project(**answers: Any) -> Path:
        project = render_once(**answers)
        return shutil.copytree(project, tmp_path / project.name, symlinks=True)

    return copy_project


@pytest.fixture
def checkout(tmp_path: Path, template: Path) -> Path:
    """A copy of the template that a test may change."""
    return Path(shutil.copytree(template, tmp_path / "checkout"))


@pytest.fixture(scope="session")
def template_repository(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Repository:
    """The template as it is now, committed: cruft clones. It is shared: never change it."""
    copy = tmp_path_factory.mktemp("repository") / template.name
    return Repository(Path(shutil.copytree(template, copy))).start()


@pytest.fixture
def newer_template(template_repository: Repository, tmp_path: Path) -> Repository:
    """A clone of the template, for a test that goes on with it."""
    template_repository.git("clone", "--quiet", template_repository.folder, tmp_path / "template")
    return Repository(tmp_path / "template")


@pytest.fixture(scope="session")
def uv() -> str:
    """The path of uv, which names itself in what it runs."""
    path = os.environ.get("UV") or shutil.which("uv")
    assert path, "run the tests with `make test`, which brings uv"
    return path


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program with a clean Python environment; what it prints is one text."""

    def run_program(
        *command: str | Path, cwd: Path, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            command,
            cwd=cwd,
            env={**users_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        if check and result.returncode:
            pytest.fail(f"{' '.join(map(str, command))} failed:\n{result.stdout}", pytrace=False)
        return result

    return run_program


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how long each combination took, what it ran, and the slowest tests of all suites."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if "test_generated_suite" in report.nodeid and report.when == "call"
    ]
    if reports:
        terminalreporter.section("combinations")
    slowest = []
    for report in reports:
        modules = report.nodeid.partition("[")[2].rstrip("]")
        properties = dict(report.user_properties)
        terminalreporter.write_line(f"{report.duration:5.0f} s  {modules}  ({properties['scope']})")
        slowest += [
            (float(seconds), test, modules) for seconds, test in properties.get("slowest", ())
        ]
    for seconds, test, modules in sorted(slowest, reverse=True)[:10]:
        terminalreporter.write_line(f"{seconds:5.0f} s  {test}  ({modules})")
