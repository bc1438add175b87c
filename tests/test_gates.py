"""The gates that a service ships are shut: each finds a fault that is planted for it."""

import os
from pathlib import Path

import pytest

from template import choose

pytestmark = pytest.mark.unix

FAULTS = {
    "an unused import": ("import os\n", "F401"),
    "a type error": ('COUNT: int = "three"\n', "invalid-assignment"),
    "a badly formatted line": ("VALUES = [1,2,\n  3]\n", "unformatted"),
}


@pytest.fixture
def service(render, run, uv) -> Path:
    project = render(**choose("jsonl"))
    run("git", "init", "--quiet", cwd=project)
    run("make", "check", f"UV={uv}", cwd=project)
    return project


def test_make_check_finds_what_is_wrong(service, run, uv):
    planted = service / "src" / "my_service" / "planted.py"
    for fault, (code, finding) in FAULTS.items():
        planted.write_text(code, encoding="utf-8")
        result = run("make", "check", f"UV={uv}", cwd=service, check=False)
        assert result.returncode != 0, fault
        assert finding in result.stdout, fault
        assert planted.name in result.stdout, fault


def test_a_commit_is_refused(service, run, uv):
    def commit() -> str:
        path = f"{Path(uv).parent}{os.pathsep}{os.environ['PATH']}"
        run("git", "add", ".", cwd=service)
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        command = ("git", *identity, "commit", "--quiet", "-m", "change")
        return run(*command, cwd=service, check=False, PATH=path).stdout

    run(uv, "run", "--no-sync", "pre-commit", "install", cwd=service)
    assert "Failed" not in commit()
    planted = service / "src" / "my_service" / "planted.py"
    for fault, (code, _) in FAULTS.items():
        planted.write_text(code, encoding="utf-8")
        assert "Failed" in commit(), fault
    commits = run("git", "rev-list", "--count", "HEAD", cwd=service).stdout
    assert commits.strip() == "1"
