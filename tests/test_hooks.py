import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from template import MODULES, TEMPLATE

Cookiecutter = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cookiecutter(tmp_path: Path, template: Path) -> Cookiecutter:
    """Run the command as a user does; its output is text, the project goes into `tmp_path`."""

    def run(*arguments: str, answers: str | None = None) -> subprocess.CompletedProcess[str]:
        interaction = ["--no-input"] if answers is None else []
        command = [sys.executable, "-m", "cookiecutter", template, "--default-config"]
        return subprocess.run(
            [*command, *interaction, "--output-dir", tmp_path, *arguments],
            input=answers or "",
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return run


NO_MODULE = [f"{module}=no" for module in MODULES]

REFUSED = {
    "keyword": (["package_name=class"], "package_name"),
    "standard library": (["package_name=json"], "package_name"),
    "dependency": (["package_name=pyarrow"], "package_name"),
    "dependency of a dependency": (["package_name=starlette"], "package_name"),
    "module": (["package_name=sse"], "package_name"),
    "the core": (["package_name=streaming"], "package_name"),
    "a dry run of nothing": (["_dry_run=yes"], "_dry_run"),
    "folder": (["package_name=tests"], "package_name"),
    "capitals": (["package_name=MyService"], "package_name"),
    "hyphen": (["package_name=my-service"], "package_name"),
    "digit first": (["package_name=3d"], "package_name"),
    "too long": (["package_name=" + "a" * 61], "package_name"),
    "way out": (["project_slug=../evil"], "project_slug"),
    "spaces": (["project_slug=my service"], "project_slug"),
    "two lines": (["description=two\nlines"], "description"),
    "no author": (["author= "], "author"),
    "no module": (NO_MODULE, "file_download, sse, jsonl, batch_export"),
}

if sys.platform != "win32":  # where cookiecutter itself fails to make such a folder
    REFUSED["device of windows"] = (["project_slug=con"], "project_slug")


@pytest.mark.parametrize(("arguments", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_answer_is_refused_in_one_line_and_nothing_is_left(
    cookiecutter, tmp_path, arguments, what
):
    result = cookiecutter(*arguments)
    assert result.returncode != 0
    [said] = [line for line in result.stderr.splitlines() if "must be" in line or "must " in line]
    assert what in said
    assert list(tmp_path.iterdir()) == []
    assert not (tmp_path.parent / "evil").exists()


def test_a_user_sees_which_modules_are_in_and_how_to_go_on(cookiecutter, tmp_path):
    said = cookiecutter("sse=no", "jsnol=no").stdout
    assert "modules:  file_download, jsonl, batch_export" in said
    assert "left out: sse" in said
    assert said.count("make ") == 2
    assert len(said.strip().splitlines()) <= 8


def test_the_prompts_are_for_people(cookiecutter, tmp_path):
    texts = ["Orders API", "", "", "Streams orders.", "Ada"]
    answers = [*texts, *("y" if module in {"sse", "jsonl"} else "n" for module in MODULES)]
    result = cookiecutter(answers="\n".join(answers) + "\n")
    assert result.returncode == 0, result.stderr
    assert "Name of the service" in result.stdout
    assert f"[3/{len(answers)}]" in result.stdout
    assert "modules:  sse, jsonl" in result.stdout
    assert (tmp_path / "orders-api" / "src" / "orders_api" / "main.py").is_file()


def test_the_hooks_need_the_standard_library_alone():
    hooks = [*(TEMPLATE / "hooks").glob("*.py")]
    known = sys.stdlib_module_names | {hook.stem for hook in hooks}
    for hook in hooks:
        imports = re.findall(r"^ *(?:from|import) (\w+)", hook.read_text("utf-8"), re.MULTILINE)
        assert set(imports) <= known, hook
