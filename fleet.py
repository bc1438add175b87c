# /// script
# requires-python = ">=3.11"
# dependencies = ["cruft==2.16.0"]
# ///
"""Which version and modules each of many services has, and what an update would change in it.

Looks at checkouts alone, and at this clone of the template: nothing is fetched, and nothing in the
checkouts is written. Run it with `uv run fleet.py FOLDER…`, or with any Python that has cruft.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

TEMPLATE = Path(__file__).resolve().parent
MODULES = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))["__modules"]

LINK = ".cruft.json"
# What cruft could not merge, where git does not have the file that an edit was made to.
REJECTED = ".rej"


class Unreadable(Exception):
    """One line that says why a service cannot be looked at."""


class Update(NamedTuple):
    """What `cruft update` makes of a copy of a service."""

    changed: list[str]
    conflicts: list[str]

    def __str__(self) -> str:
        if not self.changed:
            return "nothing"
        files = f"{len(self.changed)} files" if len(self.changed) > 1 else "1 file"
        return f"{files}, conflicts in {', '.join(self.conflicts)}" if self.conflicts else files


def read_link(service: Path) -> dict[str, Any]:
    """Its `.cruft.json`. Raises `Unreadable`."""
    try:
        return json.loads((service / LINK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unreadable("it has no .cruft.json: it is not linked to a template") from None
    except ValueError as error:
        raise Unreadable(f".cruft.json is no JSON: {error}") from None


def modules_of(link: Mapping[str, Any]) -> list[str]:
    answers = link["context"]["cookiecutter"]
    return [name for name in MODULES if answers.get(name) in {True, "True", "yes"}]


def version_of(link: Mapping[str, Any]) -> str:
    return link["checkout"] or link["commit"][:7]


def try_update(service: Path, link: Mapping[str, Any], release: str) -> Update:
    """Update a copy of what the service has committed. Raises `Unreadable`."""
    if not (service / ".git").exists():
        raise Unreadable("it is no git repository of its own")
    with TemporaryDirectory() as folder:
        copy = Path(folder, service.name)
        _run("git", "clone", "--quiet", "--no-hardlinks", service, copy)
        if not (copy / LINK).exists():
            raise Unreadable("its .cruft.json is not committed")
        update = ("update", "--skip-apply-ask", "--checkout", release, "--project-dir", copy)
        # Whatever the address of the template is, it is here.
        here = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{TEMPLATE.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": link["template"],
        }
        _run(sys.executable, "-m", "cruft", *update, environment=here)
        unmerged = _run("git", "diff", "--name-only", "--diff-filter=U", cwd=copy).splitlines()
        _run("git", "add", "--all", cwd=copy)
        changed = _run("git", "diff", "--cached", "--name-only", "HEAD", cwd=copy).splitlines()
        rejected = [name.removesuffix(REJECTED) for name in changed if name.endswith(REJECTED)]
        files = [name for name in changed if not name.endswith((REJECTED, LINK))]
        return Update(files, sorted({*unmerged, *rejected}))


def _run(
    *command: str | Path,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    check: bool = True,
) -> str:
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if check and result.returncode:
        said = (result.stderr or result.stdout).strip().splitlines() or ["nothing said"]
        raise Unreadable(f"{Path(command[0]).name} {command[1]} failed: {said[-1]}")
    return result.stdout


def newest_release() -> str:
    """The newest tag of this clone. Raises `Unreadable` where there is none."""
    return _run("git", "describe", "--tags", "--abbrev=0", cwd=TEMPLATE).strip()


def look_at(service: Path, release: str) -> tuple[str, str, str]:
    """Its version, its modules, and what an update to `release` would change."""
    try:
        link = read_link(service)
        described = version_of(link), ", ".join(modules_of(link))
    except Unreadable as error:
        return "-", "-", str(error)
    try:
        return *described, str(try_update(service, link, release))
    except Unreadable as error:
        return *described, str(error)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="fleet.py",
        description="Report over many services: version, modules, and what an update would change.",
    )
    parser.add_argument("services", nargs="+", type=Path, metavar="FOLDER", help="a checkout")
    parser.add_argument("--release", help="of the template: a tag (default: the newest one)")
    arguments = parser.parse_args()
    try:
        release = arguments.release or newest_release()
        _run("git", "rev-parse", "--verify", "--quiet", f"{release}^{{commit}}", cwd=TEMPLATE)
    except Unreadable:
        parser.error(f"{TEMPLATE} has no release {arguments.release or ''}: git fetch --tags")
    width = max(7, *(len(service.resolve().name) for service in arguments.services))
    modules = max(7, len(", ".join(MODULES)))
    print(f"{'service':{width}}  version  {'modules':{modules}}  with {release}", flush=True)
    for service in arguments.services:
        folder = service.resolve()
        version, names, update = look_at(folder, release)
        print(f"{folder.name:{width}}  {version:7}  {names:{modules}}  {update}", flush=True)


if __name__ == "__main__":
    main()
