"""The gates that a service ships are shut: each finds a fault that is planted for it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from template import choose

pytestmark = pytest.mark.unix

CODE = "src/my_service/planted.py"
FAULTS = {
    "an unused import": (CODE, "import os\n", "F401"),
    "a type error": (CODE, 'COUNT: int = "three"\n', "invalid-assignment"),
    "a badly formatted line": (CODE, "VALUES = [1,2,\n  3]\n", "unformatted"),
    "our side of a conflict": ("docs/planted.md", "text\n<<<<<<< ours\n", "planted.md:2:"),
    "their side of a conflict": ("planted.toml", ">>>>>>> theirs\n", "planted.toml:1:"),
    "a rejected change": ("docs/planted.md.rej", "diff a/planted.md b/planted.md\n", "*.rej"),
}
# Seven of them underline a heading in Markdown and reStructuredText, and quote deeply.
NO_CONFLICT = "Heading\n=======\n\n======= =======\n\n>>>>>>>quoted\n    <<<<<<< an example\n"


@pytest.fixture
def service(render, run, uv) -> Path:
    project = render(**choose("jsonl"))
    (project / "docs" / "headings.md").write_text(NO_CONFLICT, encoding="utf-8")
    run("git", "init", "--quiet", cwd=project)
    run("make", "check", f"UV={uv}", cwd=project)
    return project


def plant_each(service: Path) -> Iterator[tuple[str, str, str]]:
    """Plant one fault after the other; yields its name, its file's and what is to be said."""
    for fault, (name, content, finding) in FAULTS.items():
        planted = service / name
        planted.write_text(content, encoding="utf-8")
        yield fault, planted.name, finding
        planted.unlink()


def test_make_check_finds_what_is_wrong(service, run, uv):
    for fault, name, finding in plant_each(service):
        result = run("make", "check", f"UV={uv}", cwd=service, check=False)
        assert result.returncode != 0, fault
        assert finding in result.stdout, fault
        assert name in result.stdout, fault


def test_a_commit_is_refused(service, run, uv):
    def commit() -> str:
        path = f"{Path(uv).parent}{os.pathsep}{os.environ['PATH']}"
        run("git", "add", ".", cwd=service)
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        command = ("git", *identity, "commit", "--quiet", "-m", "change")
        return run(*command, cwd=service, check=False, PATH=path).stdout

    run(uv, "run", "--no-sync", "pre-commit", "install", cwd=service)
    assert "Failed" not in commit()
    for fault, _, _ in plant_each(service):
        assert "Failed" in commit(), fault
    commits = run("git", "rev-list", "--count", "HEAD", cwd=service).stdout
    assert commits.strip() == "1"
