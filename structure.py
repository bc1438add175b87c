"""Draws what the package of a service is made of, from its code: `python structure.py`.

Boxes are its folders, arrows are imports, from above to below. An import that follows from two
others is left out, and so are those of `source.py`, which are the user's, and of the demo's data.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

TEMPLATE = Path(__file__).parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
PACKAGE = PROJECT / "src" / "{{cookiecutter.package_name}}"
PICTURE = TEMPLATE / "docs" / "structure.svg"
MODULES: dict[str, list[str]] = json.loads(
    (TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8")
)["__modules"]
PARTS = sorted({part for parts in MODULES.values() for part in parts})
CORE = "streaming"
MAIN = "main.py"
# What each box may say, in the order of the rows.
NOTES = {MAIN: "finds the modules, mounts their routers", CORE: "responses · compression · server"}

BOX_WIDTH, BOX_HEIGHT, GAP, ROW_HEIGHT, MARGIN = 166, 54, 16, 100, 16
STYLE = """
text { font: 13px system-ui, sans-serif; text-anchor: middle; fill: #1f2328 }
.name { font-weight: 600 } .note { font-size: 11px; fill: #59636e }
rect { fill: #f6f8fa; stroke: #818b98 } path { stroke: #818b98; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .note { fill: #9198a1 } rect { fill: #151b23; stroke: #656c76 }
}
"""
TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto"><path d="M0 0 8 4 0 8"/></marker>'
)
Place = tuple[float, float, float]  # the middle of a box's upper side, and its width


def rows() -> list[list[str]]:
    """The folders of the package; a module or a page of its own stands above what it needs."""
    pages = [path.name for path in PACKAGE.iterdir() if (path / "router.py").is_file()]
    return [[MAIN], [*sorted(pages), *MODULES], PARTS, [CORE]]


def folder(name: str) -> Path:
    return PACKAGE / "modules" / name if name in MODULES else PACKAGE / name


def imports() -> set[tuple[str, str]]:
    """Which box needs which."""
    boxes = [name for row in rows() for name in row]
    found = {
        (name, needed)
        for name in boxes
        for path in (folder(name).rglob("*.py") if name != MAIN else PACKAGE.glob("*.py"))
        if path.name != "source.py"
        for needed in imported(path)
        if needed in boxes and needed != name
    }
    found |= {(MAIN, name) for name in rows()[1]}  # it finds them by their folders
    through = {(above, below) for above, middle in found for each, below in found if middle == each}
    return found - through


def imported(path: Path) -> Iterator[str]:
    """The folders of the package that a file imports from."""
    here = path.relative_to(PACKAGE).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = here[: len(here) - node.level + 1]
            target = [*above, *filter(None, (node.module or "").split("."))]
            names = [target] if target else [[alias.name] for alias in node.names]
            yield from (name[1] if name[0] == "modules" and name[1:] else name[0] for name in names)


def note(name: str) -> str:
    if name in MODULES:
        page = (PROJECT / "docs" / "modules" / f"{name}.md").read_text(encoding="utf-8")
        return page.partition(":")[0].removeprefix("# ").lower()
    if name in NOTES:
        return NOTES[name]
    docstring = ast.get_docstring(ast.parse((folder(name) / "__init__.py").read_text("utf-8")))
    return re.split(r"[:,.(]", docstring or "")[0].replace("`", "").strip()


def places() -> dict[str, Place]:
    """Where each box is: a part stands below the first module that needs it."""
    main, middle, parts, core = rows()
    width = len(middle) * (BOX_WIDTH + GAP) - GAP
    found = {
        name: (MARGIN + place * (BOX_WIDTH + GAP) + BOX_WIDTH / 2, float(ROW_HEIGHT), BOX_WIDTH)
        for place, name in enumerate(middle)
    }
    for part in parts:
        user = next(module for module, needed in MODULES.items() if part in needed)
        found[part] = (found[user][0], 2.0 * ROW_HEIGHT, BOX_WIDTH)
    for row, names in ((0, main), (3, core)):
        found[names[0]] = (MARGIN + width / 2, float(row * ROW_HEIGHT), width)
    return {name: (x, y + MARGIN, wide) for name, (x, y, wide) in found.items()}


def picture() -> str:
    where = places()
    right = max(x + width / 2 for x, _, width in where.values()) + MARGIN
    bottom = max(y for _, y, _ in where.values()) + BOX_HEIGHT + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right:.0f} {bottom:.0f}">',
            "<title>The package of a service: its folders, and which imports which</title>",
            f"<style>{STYLE}</style>",
            TIP,
            *(arrow(where[above], where[below]) for above, below in sorted(imports())),
            *(box(name, place) for name, place in where.items()),
            "</svg>\n",
        ]
    )


def arrow(above: Place, below: Place) -> str:
    """A wide box is left or reached right below or above the narrow one."""
    start, end = (below, above) if above[2] > below[2] else (above, below)
    x = start[0]
    target = x if end[2] > BOX_WIDTH * 2 else end[0]
    from_x, to_x = (target, x) if above[2] > below[2] else (x, target)
    return (
        f'<path d="M{from_x:.0f} {above[1] + BOX_HEIGHT:.0f} {to_x:.0f} {below[1]:.0f}" '
        'marker-end="url(#tip)"/>'
    )


def box(name: str, place: Place) -> str:
    x, y, width = place
    return (
        f'<rect x="{x - width / 2:.0f}" y="{y:.0f}" width="{width:.0f}" height="{BOX_HEIGHT}" '
        f'rx="6"/><text class="name" x="{x:.0f}" y="{y + 23:.0f}">{escape(name)}</text>'
        f'<text class="note" x="{x:.0f}" y="{y + 41:.0f}">{escape(note(name))}</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
