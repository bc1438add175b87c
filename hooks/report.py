"""What was done to a project that exists, and what is left for the user to do."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from regeneration import CORE, Regeneration, git

# The gates of a new service; a project that exists has its own.
GATES = {"pre-commit", "ruff", "ty"}
PLUGIN = 'pytest_plugins = ["tests.streaming.fixtures"]'


def report(regeneration: Regeneration, *, dry_run: bool) -> Iterator[str]:
    """Lines to read, and indented ones to paste."""
    yield f"{regeneration.project}{' would change so' if dry_run else ''}:"
    yield from (f"  {verb:10} {what}" for verb, what in _changes(regeneration))
    if not regeneration.changes:
        yield "  All files are as the template has them."
    if ignored := _ignored(regeneration):
        yield from ("", "Ignored by git, so that it neither shows nor undoes them:", *ignored)
    yield from _steps(regeneration)
    if regeneration.changes and not dry_run:
        yield ""
        yield "See it:   git status, git diff"
        yield "Undo it:  git stash push --include-untracked -- ."


def _changes(regeneration: Regeneration) -> Iterator[tuple[str, str]]:
    targets = {change.target for change in regeneration.changes}
    for path, files in Counter(change.new for change in regeneration.changes).items():
        if path is not None:
            folder = "" if path in targets else f"/ ({files} files)"
            yield "added", _name(regeneration, path) + folder
    for change in regeneration.changes:
        if change.new is None:
            yield "refreshed", _name(regeneration, change.target)
    for path in regeneration.kept:
        yield "kept", _name(regeneration, path)
    for module in regeneration.there:
        if module not in regeneration.chosen:
            yield "left alone", f"{module}, which was not chosen"


def _ignored(regeneration: Regeneration) -> list[str]:
    added = [_name(regeneration, change.target) for change in regeneration.changes if change.new]
    ignored = git(regeneration.project, "check-ignore", "--", *added) if added else []
    return [f"  {name}" for name in ignored]


def _name(regeneration: Regeneration, path: Path) -> str:
    return path.relative_to(regeneration.project).as_posix()


def _steps(regeneration: Regeneration) -> Iterator[str]:
    pyproject = (regeneration.rendered / "pyproject.toml").read_text(encoding="utf-8")
    if command := dependencies_command(regeneration.project, pyproject):
        yield from ("", "Add what they need:", f"  {command}")
    if lines := list(router_lines(regeneration)):
        yield from ("", "Where your app is made:", *(f"  {line}" for line in lines))
    conftest = regeneration.project / "tests" / "conftest.py"
    if conftest.exists() and PLUGIN not in conftest.read_text(encoding="utf-8"):
        hint = 'For their tests, in tests/conftest.py (and pythonpath = ["."] for pytest):'
        yield from ("", hint, f"  {PLUGIN}")
    if unknown := dict.fromkeys(_unknown_to_cruft(regeneration), True):
        hint = "For README.md, .env.example and other shared files, once this is committed:"
        yield from ("", hint, f"  cruft update --variables-to-update '{json.dumps(unknown)}'")


def _unknown_to_cruft(regeneration: Regeneration) -> Iterator[str]:
    link = regeneration.project / ".cruft.json"
    if link.is_file():
        answers = json.loads(link.read_text(encoding="utf-8"))["context"]["cookiecutter"]
        yield from (module for module in regeneration.chosen if not answers.get(module))


def router_lines(regeneration: Regeneration) -> Iterator[str]:
    """Include the core and the routers, in an app that does not find modules by itself."""
    code = "\n".join(_own_code(regeneration))
    name = regeneration.package.name
    if "iter_modules(" in code:
        return
    if "add_streaming(" not in code:
        yield f"from {name}.{CORE}.application import add_streaming"
        yield "add_streaming(app)"
    for module in regeneration.chosen:
        if f"modules.{module}" not in code:
            yield f"from {name}.modules.{module}.router import router as {module}"
            yield f"app.include_router({module})"


def _own_code(regeneration: Regeneration) -> Iterator[str]:
    package = regeneration.project / regeneration.package
    for path in (*regeneration.project.glob("*.py"), *package.rglob("*.py")):
        if path.is_file() and regeneration.owner(path.relative_to(regeneration.project)) is None:
            yield path.read_text(encoding="utf-8")


def dependencies_command(project: Path, pyproject: str) -> str:
    """The command that adds what the rendered `pyproject` asks for and the project does not name."""
    named = {*_named_packages(project), *GATES}

    def missing(key: str) -> str:
        listed = re.search(rf"^{key} = \[\n(.*?)^\]", pyproject, re.MULTILINE | re.DOTALL)
        lines = re.findall(r'"(.+)",$', listed[1] if listed else "", re.MULTILINE)
        return " ".join(f'"{line}"' for line in lines if _package_name(line) not in named)

    uses_poetry = (project / "poetry.lock").exists()
    tool, group = ("poetry add", "--group dev") if uses_poetry else ("uv add", "--dev")
    commands = {f"{tool} ": missing("dependencies"), f"{tool} {group} ": missing("dev")}
    return " && ".join(command + names for command, names in commands.items() if names)


def _named_packages(project: Path) -> Iterator[str]:
    for path in (project / "pyproject.toml", *project.glob("requirements*.txt")):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            for found in re.findall(r"""(?:^|["'])([A-Za-z0-9][\w.-]*)""", text, re.MULTILINE):
                yield _package_name(found)


def _package_name(requirement: str) -> str:
    """The name alone, as PEP 503 normalizes it."""
    name = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0] if name else "").lower()
