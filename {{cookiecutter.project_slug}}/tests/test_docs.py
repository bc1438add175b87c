import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
ANYWHERE = "http://127.0.0.1:8000"


def commands() -> Iterator[object]:
    """Every block of `sh` in the docs, named after its page and its first line."""
    for page in sorted(PROJECT.glob("docs/**/*.md")):
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            first_line = block.partition("\n")[0]
            yield pytest.param(block, id=f"{page.stem}: {first_line}")


@pytest.mark.slow
@pytest.mark.parametrize("block", list(commands()))
def test_a_command_of_the_docs_works(block, service, run, require, tmp_path):
    for program in {"curl", "node"} & set(block.split()):
        require(program)
    shutil.copytree(PROJECT / "clients", tmp_path / "clients")
    script = block.replace(ANYWHERE, service).replace(".venv/bin/python", sys.executable)
    result = run(require("sh"), "-e", "-c", script)
    assert result.returncode == 0, result.stdout + result.stderr
