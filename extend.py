"""Make a team's own template of a release of this one: other defaults, and more files.

    python extend.py RELEASE OVERLAY TARGET

RELEASE is a tag of this clone. OVERLAY has `defaults.json`, which is answers by the name of their
question, and what is to come into each service below `{{cookiecutter.project_slug}}/`. TARGET is
the repository of the team's template, which is written anew: commit and tag what has changed there.
Nothing is merged by hand, as an overlay adds files and changes none.
"""

import json
import shutil
import subprocess
import sys
import tarfile
from argparse import ArgumentParser
from io import BytesIO
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parent
DEFAULTS = "defaults.json"
QUESTIONS = "cookiecutter.json"


def main() -> None:
    parser = ArgumentParser(description="Make a team's own template of a release of this one.")
    parser.add_argument("release", help="a tag of this clone, such as v1.0.0")
    parser.add_argument("overlay", type=Path, help="a folder with defaults.json and more files")
    parser.add_argument("target", type=Path, help="the repository of the team's template")
    options = parser.parse_args()
    archive = read_release(options.release)
    questions = with_defaults(archive, options.overlay / DEFAULTS)
    added = [path for path in options.overlay.rglob("*") if path.is_file()]
    names = {path.relative_to(options.overlay).as_posix(): path for path in added}
    del names[DEFAULTS]
    if taken := sorted(names.keys() & set(archive.getnames())):
        sys.exit(f"The template has {', '.join(taken)}: an overlay changes no file.")
    check_nothing_is_lost(options.target)
    write(options.target, archive, names)
    text = json.dumps(questions, ensure_ascii=False, indent=4) + "\n"
    (options.target / QUESTIONS).write_text(text, encoding="utf-8", newline="\n")


def read_release(release: str) -> tarfile.TarFile:
    command = ("git", "archive", "--format=tar", f"refs/tags/{release}")
    result = subprocess.run(command, cwd=TEMPLATE, capture_output=True, check=False)
    if result.returncode:
        sys.exit(f"{TEMPLATE} has no release {release}: git fetch --tags")
    return tarfile.open(fileobj=BytesIO(result.stdout))


def with_defaults(archive: tarfile.TarFile, defaults: Path) -> dict[str, Any]:
    """The questions, with the team's defaults in the place of the template's."""
    file = archive.extractfile(QUESTIONS)
    assert file is not None  # noqa: S101
    questions = json.load(file)
    answers = json.loads(defaults.read_text(encoding="utf-8"))
    if unknown := sorted(answers.keys() - questions.keys()):
        sys.exit(f"{defaults}: {', '.join(unknown)}: no question of the template.")
    return {**questions, **answers}


def check_nothing_is_lost(target: Path) -> None:
    if not target.exists() or not any(target.iterdir()):
        return
    command = ("git", "status", "--porcelain", "--ignored")
    result = subprocess.run(command, cwd=target, capture_output=True, check=False)
    if not (target / ".git").exists() or result.returncode or result.stdout:
        sys.exit(f"{target} is no git repository without changes: commit what is there first.")


def write(target: Path, archive: tarfile.TarFile, names: dict[str, Path]) -> None:
    """Put the release and the overlay's files in the place of all that the target has."""
    target.mkdir(parents=True, exist_ok=True)
    for path in target.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    archive.extractall(target, filter="data")
    for name, source in names.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target / name)


if __name__ == "__main__":
    main()
