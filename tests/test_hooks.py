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
    "keyword": (["package_name=class"], "'class' is a word of Python"),
    "soft keyword": (["package_name=match"], "'match' is a word of Python"),
    "standard library": (["package_name=json"], "'json' is a module of Python"),
    "Python's own tests": (["package_name=test"], "'test' is a module of Python"),
    "imported by Python": (["package_name=sitecustomize"], "'sitecustomize' is a module of Python"),
    "installer": (["package_name=pip"], "'pip' is a tool that installs packages"),
    "builder": (["package_name=setuptools"], "'setuptools' is a tool that installs packages"),
    "dependency": (["package_name=pyarrow"], "'pyarrow' is a package that the service needs"),
    "tests' dependency": (["package_name=numpy"], "'numpy' is a package that the service needs"),
    "dependency of a dependency": (["package_name=starlette"], "is a package that the service"),
    "module": (["package_name=sse"], "'sse' is a module of the service"),
    "part": (["package_name=records"], "'records' is a part of the service"),
    "the core": (["package_name=streaming"], "'streaming' is a folder of the service"),
    "device": (["package_name=con"], "'con' is a device of Windows"),
    "a dry run of nothing": (["_dry_run=yes"], "_dry_run"),
    "folder": (["package_name=tests"], "'tests' is a folder of the service"),
    "capitals": (["package_name=MyService"], "package_name"),
    "hyphen": (["package_name=my-service"], "package_name"),
    "digit first": (["package_name=3d"], "package_name"),
    "too long": (["package_name=" + "a" * 61], "package_name"),
    "way out": (["project_slug=../evil"], "project_slug"),
    "two folders": (["project_slug=a/b"], "'a/b' is not"),
    "this folder": (["project_slug=."], "'.' is not"),
    "the folder above": (["project_slug=.."], "'..' is not"),
    "an absolute path": (["project_slug=/tmp/evil"], "'/tmp/evil' is not"),
    "dot": (["project_slug=a.b"], "'a.b' is not"),
    "last port": (["package_name=lpt9"], "'lpt9' is a device of Windows"),
    "contents": (["package_name=contents"], "'contents' is a part of the service"),
    "blank name": (["project_name= ", "project_slug=x"], "project_name must be one line"),
    "a control character": (["author=A\x07"], "author must be one line"),
    "spaces": (["project_slug=my service"], "project_slug"),
    "two lines": (["description=two\nlines"], "description"),
    "no author": (["author= "], "author"),
    "no module": (NO_MODULE, "file_download, sse, jsonl, batch_export"),
}

if sys.platform != "win32":  # where cookiecutter itself fails to make such a folder
    REFUSED["device of windows"] = (["project_slug=con"], "project_slug")


@pytest.mark.parametrize(("arguments", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_answer_is_refused_in_one_line_and_nothing_is_left(
    cookiecutter, tmp_path, monkeypatch, arguments, what
):
    temporary = tmp_path.parent / f"{tmp_path.name}-temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    result = cookiecutter(*arguments)
    assert list(temporary.iterdir()) == []
    assert result.returncode != 0
    [said] = [line for line in result.stderr.splitlines() if "must be" in line or "must " in line]
    assert what in said
    assert list(tmp_path.iterdir()) == []
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux shows commands")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ssee=no"], "ssee is no question of this template; is it sse?"),
        (["sse=no", "batch_exprot=no"], "is it batch_export?"),
        (["Sse=no"], "is it sse?"),
        (["colour=blue"], "colour is no question of this template."),
        (["colour="], "colour is no question of this template."),
    ],
)
def test_an_answer_to_no_question_is_refused_and_nothing_is_left(
    cookiecutter, tmp_path, monkeypatch, arguments, said
):
    """cookiecutter would drop it, and render what nobody has asked for."""
    temporary = tmp_path.parent / f"{tmp_path.name}-temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    result = cookiecutter(*arguments)
    assert result.returncode != 0
    assert [line for line in result.stderr.splitlines() if line.endswith(said)]
    assert list(tmp_path.iterdir()) == list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["author=a=b"], ["description=ssee=no"], ["-o", "a=b"], ["--output-dir=a=b"], ["-v"]],
    ids=" ".join,
)
def test_what_only_looks_like_an_answer_is_none(arguments, tmp_path, template):
    command = [sys.executable, "-m", "cookiecutter", template, "--default-config", "--no-input"]
    result = subprocess.run(
        [*command, *arguments, "jsonl=no"], cwd=tmp_path, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_a_user_sees_which_modules_are_in_and_how_to_go_on(cookiecutter, monkeypatch):
    monkeypatch.setenv("PORT", "9000")  # of `make demo PORT=9000`; `make run` takes it, too
    said = cookiecutter("sse=no").stdout
    assert "make run    starts it at http://127.0.0.1:9000\n" in said
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
