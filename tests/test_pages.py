"""The pages of the template and of its services: no dead link, and no passage twice."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath
from urllib.parse import unquote

from hooks.regeneration import owner
from template import MODULES, PROJECT, TEMPLATE

CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
# A sentence, an item or a cell that is longer is written once.
LONGEST_REPEATED = 80
# In characters.
ONE_PAGE = 6_000


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


def dead_links(pages: list[Path]) -> Iterator[str]:
    for page in pages:
        for path, heading in links(page):
            if not path.exists() or (heading and heading not in anchors(path)):
                yield f"{page}: {path}#{heading}"


def test_no_link_of_the_template_is_dead():
    assert list(dead_links([*TEMPLATE.glob("*.md"), *TEMPLATE.glob("docs/**/*.md")])) == []


def test_no_link_of_a_service_is_dead(render, combination):
    modules = {module: module in combination for module in MODULES}
    pages = list(render(**modules).rglob("*.md"))
    assert len(pages) > 5
    assert list(dead_links(pages)) == []


def test_what_goes_into_another_repository_links_to_nothing_that_stays_behind(render):
    """`cookiecutter -f` brings what a module, a part or the core owns."""
    project = render().resolve()

    def travels(path: Path) -> bool:
        return owner(PurePath(path.relative_to(project)), MODULES) is not None

    for page in filter(travels, project.rglob("*.md")):
        assert [path for path, _ in links(page) if not travels(path)] == [], page


def test_the_readme_of_a_service_is_one_page(render):
    readme = (render() / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 60
    assert len(readme) <= ONE_PAGE


def test_no_passage_stands_twice():
    pages = [*TEMPLATE.glob("*.md"), *TEMPLATE.glob("docs/**/*.md"), *PROJECT.rglob("*.md")]
    passages = Counter(
        passage.strip()
        for page in pages
        for passage in re.split(r"(?<=[.:]) |[|\n]", CODE.sub("`", page.read_text("utf-8")))
    )
    repeated = {each for each, times in passages.items() if times > 1}
    assert [passage for passage in repeated if len(passage) > LONGEST_REPEATED] == []
