"""What was done to a project that exists, and what is left for the user to do."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from regeneration import CORE, Regeneration, git

Version = tuple[int, ...]

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
    yield from dependency_steps(regeneration.project, pyproject)
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
    if any(f"{finding}(" in code for finding in ("add_modules", "modules.routers", "iter_modules")):
        return
    if "add_streaming(" not in code and _has_add_modules(regeneration):
        yield f"from {name}.modules import add_modules"
        yield "add_modules(app)"
        return
    if "add_streaming(" not in code:
        yield f"from {name}.{CORE}.application import add_streaming"
        yield "add_streaming(app)"
    for module in regeneration.chosen:
        if f"modules.{module}" not in code:
            yield f"from {name}.modules.{module}.router import router as {module}"
            yield f"app.include_router({module})"


def _has_add_modules(regeneration: Regeneration) -> bool:
    """Whether `modules` is the template's package, and not one that was there before."""
    package = _modules_package(regeneration)
    is_new = any(change.target == package and change.new for change in regeneration.changes)
    return is_new or "def add_modules(" in package.read_text(encoding="utf-8")


def _modules_package(regeneration: Regeneration) -> Path:
    return regeneration.project / regeneration.package / "modules" / "__init__.py"


def _own_code(regeneration: Regeneration) -> Iterator[str]:
    package = regeneration.project / regeneration.package
    for path in (*regeneration.project.glob("*.py"), *package.rglob("*.py")):
        is_own = regeneration.owner(path.relative_to(regeneration.project)) is None
        if path.is_file() and is_own and path != _modules_package(regeneration):
            yield path.read_text(encoding="utf-8")


def dependency_steps(project: Path, pyproject: str) -> Iterator[str]:
    """What to add of that which the rendered `pyproject` asks for, and the project has not."""
    own = _read_toml(project / "pyproject.toml")
    there = dict(_requirements_of(project, own))
    wanted = {key: _listed(pyproject, key) for key in ("dependencies", "dev")}
    missing = {
        "dependencies": [each for each in wanted["dependencies"] if not _is_met(each, there)],
        "dev": [each for each in wanted["dev"] if _package_name(each) not in {*there, *GATES}],
    }
    old = [
        f"{name} {'.'.join(map(str, there[name]))}"
        for name in map(_package_name, missing["dependencies"])
        if there.get(name)
    ]
    if old:
        yield from ("", f"Older here than they need: {', '.join(old)}.")
    if python := _older_python(own, pyproject):
        yield from ("", python)
    if (project / "poetry.lock").exists() or _at(own, "tool.poetry"):
        yield from _command("poetry add", "--group dev", missing)
    elif "project" in own:
        yield from _command("uv add", "--dev", missing)
    else:
        for key, where in (("dependencies", "what they need"), ("dev", "what their tests need")):
            if missing[key]:
                yield from ("", f"Add {where}, as to requirements.txt:")
                yield from (f"  {each}" for each in missing[key])


def _command(tool: str, group: str, missing: Mapping[str, Sequence[str]]) -> Iterator[str]:
    commands = {tool: missing["dependencies"], f"{tool} {group}": missing["dev"]}
    parts = [
        " ".join((command, *(f'"{each}"' for each in names)))
        for command, names in commands.items()
        if names
    ]
    if parts:
        yield from ("", "Add what they need:", f"  {' && '.join(parts)}")


def _listed(pyproject: str, key: str) -> list[str]:
    listed = re.search(rf"^{key} = \[\n(.*?)^\]", pyproject, re.MULTILINE | re.DOTALL)
    return re.findall(r'"(.+)",$', listed[1] if listed else "", re.MULTILINE)


def _is_met(requirement: str, there: Mapping[str, Version]) -> bool:
    """One that the project names without a version is for its lock file to say."""
    has = there.get(_package_name(requirement))
    return has is not None and (not has or has >= _least_version(requirement))


def _older_python(own: Mapping[str, Any], pyproject: str) -> str | None:
    needed = re.search(r'^requires-python = "(.*)"', pyproject, re.MULTILINE)
    has = _at(own, "project.requires-python") or _at(own, "tool.poetry.dependencies").get("python")
    if not has or not needed or _least_version(str(has)) >= _least_version(needed[1]):
        return None
    return f"They need Python {needed[1]}, and pyproject.toml says {has}."


def _requirements_of(project: Path, own: Mapping[str, Any]) -> Iterator[tuple[str, Version]]:
    listed = [*_at(own, "project.dependencies")]
    for groups in ("project.optional-dependencies", "dependency-groups"):
        listed += [each for group in _at(own, groups).values() for each in group]
    for path in project.glob("requirements*.txt"):
        listed += path.read_text(encoding="utf-8").splitlines()
    for each in listed:
        if isinstance(each, str) and (name := _package_name(each)):
            yield name, _least_version(each)
    tables = [_at(own, "tool.poetry.dependencies"), _at(own, "tool.poetry.dev-dependencies")]
    tables += [group.get("dependencies", {}) for group in _at(own, "tool.poetry.group").values()]
    for name, version in (item for table in tables for item in table.items()):
        text = version.get("version", "") if isinstance(version, dict) else version
        yield _package_name(name), _least_version(str(text))


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, tomllib.TOMLDecodeError):
        return {}


def _at(table: Mapping[str, Any], path: str) -> Any:
    """What a TOML document has there; an empty table where it has nothing."""
    for key in path.split("."):
        table = table.get(key, {})
    return table


def _least_version(specification: str) -> Version:
    """The version that a requirement begins with; none where it names none."""
    found = re.search(r"(?:>=|==|~=|\^|~|>|^)\s*(\d+(?:\.\d+)*)", specification)
    return tuple(map(int, found[1].split("."))) if found else ()


def _package_name(requirement: str) -> str:
    """The name alone, as PEP 503 normalizes it."""
    name = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0] if name else "").lower()
