"""The sections of the page: one for each module that has a piece, and one for all other links."""

import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from pathlib import Path

from .links import Link

PIECES = Path(__file__).parent / "static" / "pieces"
CODE = re.compile(r"`([^`]+)`")


def write_sections(links: Iterable[Link]) -> Iterator[str]:
    """In the reverse order of names: of our modules, what is live comes first."""
    others = []
    by_module = sorted(links, key=lambda link: link.module, reverse=True)
    for module, own in groupby(by_module, key=lambda link: link.module):
        piece = PIECES / f"{module}.html"
        if piece.is_file():
            text = piece.read_text(encoding="utf-8")
            yield f'<section id="{module}" data-piece>\n{text}{_routes(own)}</section>'
        else:
            others += own
    if others:
        yield f"<section>\n<h2>Other routes</h2>\n{_routes(others)}</section>"


def _routes(links: Iterable[Link]) -> str:
    entries = (
        f'<dt>GET <a href="{escape(link.url[1:])}">{escape(link.url)}</a></dt>'
        f"<dd>{_with_code(link.summary)}</dd>\n"
        for link in links
    )
    return f'<dl class="routes">\n{"".join(entries)}</dl>\n'


def _with_code(text: str) -> str:
    return CODE.sub(r"<code>\1</code>", escape(text))
