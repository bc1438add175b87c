"""The site of the docs: `make docs` builds it, and it needs nothing from elsewhere."""

import re
import shutil
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
# What a page loads by itself: not the links that a reader may follow.
LOADED = re.compile(
    r"""<(?:link|script|img|iframe)\b[^>]*?\b(?:href|src)=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|url\(["']?((?:https?:)?//[^)]+)"""
)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(run, tmp_path: Path):
    shutil.copy(PROJECT / "zensical.toml", tmp_path)
    for folder in ("clients", "docs", "tests"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    result = run(sys.executable, "-m", "zensical", "build", "--strict", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "No issues found\n"), result.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(list((PROJECT / "docs").rglob("*.md")))
    for page in [*pages, *(tmp_path / "site").rglob("*.css")]:
        text = page.read_text(encoding="utf-8")
        assert not LOADED.search(text), page
        assert "--8&lt;--" not in text, page
        assert not re.search(r"<p>[^<]*\n[-*] ", text), (
            f"{page}: a list has no empty line before it"
        )
