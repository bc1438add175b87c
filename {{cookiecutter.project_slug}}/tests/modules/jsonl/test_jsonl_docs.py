import os
import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest

from tests.streaming.fixtures import PROJECT

PAGE = PROJECT / "docs" / "modules" / "jsonl" / "ends.md"
ANYWHERE = "http://127.0.0.1:8000"
BLOCK = re.compile(r"^```console\n\$ (.*)\n((?:.*\n)*?)```$", re.MULTILINE)
CHUNK_SIZE = re.compile(r"^[1-9a-f][0-9a-f]*\n", re.MULTILINE)


@pytest.fixture
def show(run: Any, require: Any, failing_service: str) -> Callable[[re.Match[str]], str]:
    """Run the command of a block and give the block with what it prints."""
    require("curl")

    def run_block(block: re.Match[str]) -> str:
        result = run(*shlex.split(block[1].replace(ANYWHERE, failing_service)))
        lines = [line for line in result.stdout.splitlines() if line]
        return "\n".join(["```console", f"$ {block[1]}", *lines, "```"])

    return run_block


def test_the_docs_show_what_is_on_the_wire(show):
    """`UPDATE_DOCS=1` writes the page anew."""
    text = PAGE.read_text(encoding="utf-8")
    shown = BLOCK.sub(show, text)
    if os.environ.get("UPDATE_DOCS") == "1":
        PAGE.write_text(shown, encoding="utf-8")
        text = shown
    # Whether two parts share a chunk is a matter of time; whether there is a last one is not.
    assert CHUNK_SIZE.sub("", shown) == CHUNK_SIZE.sub("", text)
    assert len(BLOCK.findall(text)) > 5
