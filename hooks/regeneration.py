"""Add or refresh modules in a folder that has files already, and touch nothing else there.

cookiecutter writes straight over what it finds. `turn_aside` therefore changes the copy of the
template that it renders: all goes into a stage, a folder of its own in the project. `Regeneration`
then moves what belongs to the core, to the chosen modules and to the parts that these need to its
place: all of it or nothing.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import NamedTuple

# What every service has.
CORE = "streaming"
DEMO = "demo"
# The page at `/` of a service; a host has none.
CONSOLE = "console"
# What the modules' scenarios have in common there comes and is refreshed with the core.
LOADTEST = "loadtest"
# What a service has unless it is deleted, and a host has not; modules have pieces of it.
CONSOLE = "console"
STAGE = ".regeneration"
# Where git itself has started the command, these name another repository or index.
ELSEWHERE = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}


class Refused(Exception):
    """One line that says why nothing was written."""


def owner(path: PurePath, modules: Mapping[str, Sequence[str]]) -> str | None:
    """The module, else the part, else the core or the demo, that a component is named after.

    `modules` is the table of `cookiecutter.json`: the parts that each module needs.
    """
    stems = {PurePath(component).stem for component in path.parts}
    parts = [part for needed in modules.values() for part in needed]
    return next((name for name in (*modules, *parts, CORE, DEMO) if name in stems), None)


def package_folder(project: Path, package: str) -> PurePath:
    """Raises `Refused` if the project has no such package."""
    for folder in (PurePath("src", package), PurePath(package)):
        if (project / folder).is_dir():
            check_imports(project, folder)
            return folder
    there = sorted({found.parent.name for found in _packages(project)})
    hint = f"; here is {', '.join(there)}" if there else ""
    if not there and (project / "main.py").exists():
        hint = "; move main.py into a package first"
    raise Refused(f"package_name must be a package of {project}: {package!r} is none{hint}.")


def check_imports(project: Path, folder: PurePath) -> None:
    """Raises `Refused` where `src` is a package: the template's files would be imported twice."""
    if folder.parts[0] != "src":
        return
    below_src = re.compile(rf"^\s*(?:from|import) src\.{folder.name}\b", re.MULTILINE)
    code = (
        *project.glob("*.py"),
        *(project / folder).rglob("*.py"),
        *project.glob("tests/**/*.py"),
    )
    for path in code:
        if path.is_file() and below_src.search(path.read_text(encoding="utf-8", errors="replace")):
            name = path.relative_to(project).as_posix()
            raise Refused(
                f"{name} imports src.{folder.name}, and the template's files import {folder.name}: "
                "let src be no package first."
            )


def _packages(project: Path) -> Iterator[Path]:
    for pattern in ("src/*/*.py", "*/__init__.py", "*/main.py"):
        yield from (
            path for path in project.glob(pattern) if path.parts[-2] not in {"tests", LOADTEST}
        )


def turn_aside(project: Path, package: str, repo: Path) -> None:
    """Let cookiecutter render into the stage. Raises `Refused` for a project that cannot be undone.

    `repo` is the copy of the template that cookiecutter renders and throws away.
    """
    package_folder(project, package)
    check_clean(project)
    stage = project / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    (stage / ".gitignore").write_text("*\n", encoding="utf-8")
    template = next(path for path in repo.iterdir() if path.name.startswith("{{"))
    moved = repo / "rendered"
    template.rename(moved)
    (template / STAGE).mkdir(parents=True)
    moved.rename(template / STAGE / "rendered")


def check_clean(project: Path) -> None:
    """Raises `Refused` unless git could bring back all that the project has."""
    if not git(project, "ls-files"):
        raise Refused(f"{project} is not under git: commit it first, so that nothing can be lost.")
    status = ("status", "--porcelain", "--branch", "--untracked-files=all", "--", ".")
    branch, *changes = git(project, *status) or [""]
    if not branch.startswith("## "):
        raise Refused(f"git status fails in {project}: mend that first.")
    if changes:
        first = changes[0][3:] + (" and more" if len(changes) > 1 else "")
        raise Refused(f"{project} has uncommitted changes ({first}): commit or stash them first.")


def git(project: Path, *arguments: str) -> list[str]:
    """The lines that git prints; none where it fails. Raises `Refused` without git."""
    command = ["git", "-c", "core.quotePath=off", *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    try:
        result = subprocess.run(
            command,
            cwd=project,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError as error:
        raise Refused("git is not installed, and is needed where files exist already.") from error
    return result.stdout.splitlines() if result.returncode == 0 else []


class Change(NamedTuple):
    source: Path
    target: Path
    new: Path | None
    """What comes into being: the target, or the highest folder over it; none, if it exists."""


class Regeneration:
    """What rendering into `project` comes to: files to add, to refresh and to keep.

    `modules` are all that there are, with the parts that each needs; `there` are those that the
    project had before.
    """

    def __init__(self, project: Path, package: str, modules: Mapping[str, Sequence[str]]) -> None:
        self.project = project
        self.rendered = project / STAGE / "rendered"
        self.package = package_folder(project, package)
        self.modules = modules
        self.chosen: tuple[str, ...] = ()
        self.there = tuple(name for name in modules if (self._modules / name).is_dir())
        self.kept: list[Path] = []
        self.changes: list[Change] = []

    def choose(self, chosen: Iterable[str]) -> None:
        """Say what is to be added or refreshed. Raises `Refused` if that is nothing."""
        self.chosen = tuple(chosen)
        if not self.chosen:
            raise Refused(f"name a module, such as sse=yes; there are {', '.join(self.modules)}.")

    @property
    def _modules(self) -> Path:
        return self.project / self.package / "modules"

    @property
    def _glue(self) -> set[str]:
        """Files between the owned ones that these need; one that exists is the project's own."""
        package = self.package.name
        modules = f"src/{package}/modules/__init__.py"
        return {modules, "clients/javascript/package.json", "tests/conftest.py"}

    def owner(self, path: PurePath) -> str | None:
        is_shared = LOADTEST in path.parts[:2] and (self.rendered / path).is_file()
        return owner(path, self.modules) or (CORE if is_shared else None)

    def plan(self) -> None:
        """Raises `Refused` for what cannot be written, or not brought back by git."""
        wanted = {*self.chosen, *self._parts_of(self.chosen), CORE, DEMO}
        new = wanted - self._there_before()
        for name in new - set(self.modules):
            if (folder := self.project / self.package / name).exists():
                raise Refused(self._is_in_the_way(folder))
        # H is a file whose edits git sees; others are told to be left out of its sight.
        files = git(self.project, "ls-files", "-v")
        tracked = {name for flag, _, name in (line.partition(" ") for line in files) if flag == "H"}
        for source in sorted(path for path in self.rendered.rglob("*") if path.is_file()):
            path = source.relative_to(self.rendered)
            target = self.project / self._place(path)
            if path.as_posix() in self._glue:
                is_wanted = not target.exists()
            else:
                is_wanted = self.owner(path) in wanted and not self._is_for_no_console(path)
            if is_wanted:
                self._plan(source, target, tracked)
        # What is left of a module that the project has had before is refreshed.
        foreign = new if CORE in new else new - set(self.modules)
        for change in self.changes:
            if change.new is None and self.owner(self._name(change.target)) in foreign:
                raise Refused(self._is_in_the_way(change.target))
        self._leave_out_the_demo()
        if not (self.project / self.package / CONSOLE).is_dir():
            self._leave_out(CONSOLE)

    def _is_for_no_console(self, path: PurePath) -> bool:
        return CONSOLE in path.parts and not (self.project / self.package / CONSOLE).is_dir()

    def _parts_of(self, modules: Iterable[str]) -> set[str]:
        return {part for module in modules for part in self.modules[module]}

    def _there_before(self) -> set[str]:
        """The owners of what the project has already; a folder of its own may have such a name."""
        if not self._has_most_of(CORE):
            return set()
        parts = self._parts_of(self.chosen)
        return {CORE, *self.there, *(name for name in (DEMO, *parts) if self._has_most_of(name))}

    def _has_most_of(self, name: str) -> bool:
        rendered = self.rendered / "src" / self.package.name
        files = [
            path.relative_to(rendered)
            for path in (rendered / name).rglob("*")
            if self.owner(path.relative_to(self.rendered)) == name
        ]
        found = [(self.project / self.package / path).exists() for path in files]
        return 2 * sum(found) > len(found)

    def _name(self, path: Path) -> PurePath:
        return path.relative_to(self.project)

    def _is_in_the_way(self, path: Path) -> str:
        return f"{self._name(path).as_posix()} is in the way of the template's: move or rename it first."

    def _place(self, path: PurePath) -> PurePath:
        return path.relative_to("src") if self._is_flat and path.parts[0] == "src" else path

    @property
    def _is_flat(self) -> bool:
        return len(self.package.parts) == 1

    def _plan(self, source: Path, target: Path, tracked: set[str]) -> None:
        if self._is_flat:
            _replace(source, f"src/{self.package}/", f"{self.package}/")
        name = self._name(target).as_posix()
        if target.name == "source.py" and (target.exists() or target.with_suffix("").is_dir()):
            self.kept.append(target)
            return
        parents = [path for path in reversed(target.parents) if self.project in path.parents]
        for parent in (*parents, target):
            if parent.is_symlink() or (parent.exists() and parent.is_dir() == (parent == target)):
                raise Refused(self._is_in_the_way(parent))
        if not target.exists():
            new = next((path for path in parents if not path.exists()), target)
            self.changes.append(Change(source, target, new=new))
        elif _lines(target) != _lines(source):
            if name not in tracked:
                raise Refused(f"git does not follow {name}: commit or move it first.")
            self.changes.append(Change(source, target, new=None))

    def _leave_out_the_demo(self) -> None:
        """A team that has replaced every source has deleted the demo; a new source needs it."""
        package = self.project / self.package
        needed = any(change.new and change.target.name == "source.py" for change in self.changes)
        if (package / CORE).is_dir() and not (package / DEMO).is_dir() and not needed:
            self._leave_out(DEMO)

    def _leave_out(self, folder: str) -> None:
        self.changes = [
            change for change in self.changes if folder not in self._name(change.target).parts
        ]

    def write(self) -> None:
        """Make all changes; where one fails, the project is as it was before."""
        backup = self.project / STAGE / "backup"
        done: list[Callable[[], object]] = []
        try:
            for number, (source, target, new) in enumerate(self.changes):
                for folder in reversed([path for path in target.parents if not path.exists()]):
                    done.append(folder.rmdir)
                    folder.mkdir()
                if new:
                    done.append(lambda target=target: target.unlink(missing_ok=True))
                else:
                    backup.mkdir(exist_ok=True)
                    saved = backup / str(number)
                    shutil.copy2(target, saved)
                    done.append(lambda saved=saved, target=target: os.replace(saved, target))
                os.replace(source, target)
        except BaseException:
            for undo in reversed(done):
                with suppress(FileNotFoundError):
                    undo()
            raise


def _lines(file: Path) -> bytes:
    """Its content, with the ends of lines that git has where a checkout has those of Windows."""
    return file.read_bytes().replace(b"\r\n", b"\n")


def _replace(file: Path, old: str, new: str) -> None:
    content = file.read_bytes()
    file.write_bytes(content.replace(old.encode(), new.encode()))
