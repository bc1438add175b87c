"""The links of pages in Markdown, followed without a network."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The file, and the heading in it, that each link without a host leads to."""
    for link in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if "://" not in link:
            path, _, heading = link.partition("#")
            yield (page.parent / unquote(path)).resolve() if path else page, heading


def anchors(page: Path) -> set[str]:
    """As GitHub and the site of the docs name them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(text)
    }


def dead_links(pages: Iterable[Path]) -> Iterator[str]:
    for page in pages:
        for path, heading in links(page):
            if not path.exists() or (heading and heading not in anchors(path)):
                yield f"{page}: {path}#{heading}"
