"""The pages of the template and of its services: no dead link, and no passage twice."""

import re
from collections import Counter
from pathlib import Path, PurePath

from hooks.regeneration import owner
from links import CODE, dead_links, links
from template import MODULES, PROJECT, TEMPLATE

# A sentence, an item or a cell that is longer is written once.
LONGEST_REPEATED = 80
# In characters.
ONE_PAGE = 6_000


def test_no_link_of_the_template_is_dead():
    assert list(dead_links([*TEMPLATE.glob("*.md"), *TEMPLATE.glob("docs/**/*.md")])) == []


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
