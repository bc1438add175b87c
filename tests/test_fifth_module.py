"""The recipe of the README for a module, followed to the letter with one that only takes POST."""

import re
from pathlib import Path

import pytest

from template import TEMPLATE

pytestmark = [pytest.mark.slow, pytest.mark.unix]

NAME = "parrot"
PROJECT = "{{cookiecutter.project_slug}}"
PACKAGE = f"{PROJECT}/src/{{{{cookiecutter.package_name}}}}"
FILES = {
    f"{PACKAGE}/modules/{NAME}/__init__.py": "",
    f"{PACKAGE}/modules/{NAME}/router.py": '''\
from typing import Annotated

from fastapi import APIRouter, Body

router = APIRouter(prefix="/parrots", tags=["parrot"])


@router.post("")
async def send_back(text: Annotated[str, Body(max_length=1000)]) -> str:
    """Send a text back."""
    return text
''',
    f"{PROJECT}/tests/modules/{NAME}/test_parrot.py": """\
def test_a_text_comes_back(http, service):
    assert http.post(f"{service}/parrots", json="東京").json() == "東京"
""",
    f"{PROJECT}/docs/modules/{NAME}.md": "# Parrots: `parrot`\n\nSends a text back.\n",
    f"{PROJECT}/clients/curl/{NAME}.sh": """\
#!/bin/sh
# Send a text and print what comes back.
case ${1:---help} in
    --help) echo "usage: parrot.sh URL TEXT" && exit ;;
esac
curl --fail-with-body --silent --show-error --json "\\"$2\\"" "$1/parrots"
""",
    f"{PROJECT}/loadtest/modules/{NAME}.py": """\
from loadtest.streaming import StreamUser


class ParrotUser(StreamUser):
    pause_seconds = 0.1

    def visit(self) -> None:
        self.recorder.count("requests")
        self.client.post("/parrots", json="text")
""",
}


# What is added behind which lines of cookiecutter.json.
LINES = {
    '    "batch_export": true,\n': f'\n    "{NAME}": true,\n',
    '        "batch_export": ["contents", "records"]\n': f',\n        "{NAME}": []\n',
    ' Parquet or Arrow?"\n': f',\n        "{NAME}": "Module {NAME}: a text that comes back?"\n',
}


def add_the_module(checkout: Path) -> None:
    for name, text in FILES.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text, encoding="utf-8")
    definition = checkout / "cookiecutter.json"
    text = definition.read_text("utf-8")
    for last, added in LINES.items():
        assert text.count(last) == 1
        text = text.replace(last, last.rstrip("\n") + added)
    definition.write_text(text, encoding="utf-8")


def test_the_readme_says_what_the_test_does():
    recipe = (TEMPLATE / "README.md").read_text("utf-8").partition("## Add a module\n")[2]
    folders = {re.sub(rf"{NAME}.*", "<name>", Path(name).as_posix()) for name in FILES}
    for folder in folders:
        place = folder.removeprefix(f"{PROJECT}/").replace("{{cookiecutter.package_name}}", "*")
        assert f"`{place.partition('<name>')[0]}" in recipe, place
    for key in ("__modules", "__prompts__"):
        assert f"`{key}`" in recipe


PAIRS = (f"sse and then {NAME}", f"{NAME} and then jsonl")


def test_a_fifth_module_passes_the_tests_of_the_template(checkout, run, uv):
    """All that is about modules, a suite with it alone and one with another module."""
    add_the_module(checkout)
    run("git", "init", "--quiet", cwd=checkout)
    later = "tests/test_regeneration.py::test_a_module_that_comes_later_is_the_same"
    tests = [
        *(f"tests/test_{name}.py" for name in ("cookiecutter_json", "hooks", "render", "source")),
        *(f"'{later}[{pair}]'" for pair in PAIRS),
    ]
    # Of the combinations those with and without the new module, alone and with one other or two;
    # of the answers, those that are modules.
    others = ["file_download", "jsonl+", "wrong_answer", "looks_like", "every_name"]
    tests.append(f"-k 'not {' and not '.join(others)}'")
    run("make", "test", f"ARGS={' '.join(tests)}", f"UV={uv}", cwd=checkout)
    for combination in (NAME, f"sse+{NAME}"):
        said = run("make", "test", f"ONLY={combination}", f"UV={uv}", cwd=checkout).stdout
        assert combination in said
