"""Rendered projects, without their environments: these tests run on every platform."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest

from links import dead_links
from template import (
    COMBINATIONS,
    MODULES,
    PARTS,
    PROJECT,
    RAW,
    TAG,
    choose,
    parts_of,
    source_files,
)

PACKAGE = PROJECT / "src" / "{{cookiecutter.package_name}}"
# The name of a format as well, which exports have too.
ALSO_A_FORMAT = {"jsonl"}
# What only services with a part need, beside its own folder.
LIBRARIES = {"contents": "obstore|http_sf", "records": "pyarrow|arro3|duckdb"}


def trace(name: str) -> str:
    """What in a rendered file would tell of a module or a part that is not there."""
    if name in MODULES:
        router = (PACKAGE / "modules" / name / "router.py").read_text(encoding="utf-8")
        routes = re.findall(r'APIRouter\(.*?prefix="(/[^"]+)"', router, re.DOTALL)
        traces = [f"modules.{name}", f"{name.upper()}_", *(rf"{route}\b" for route in routes)]
        # FastAPI has a module named `sse`, which the core needs for events.
        anywhere = rf"(?<!fastapi\.)\b{name}\b"
        return "|".join(traces if name in ALSO_A_FORMAT else [*traces, anywhere])
    return rf"(?i:\.{name}\b|\b{name}/|{LIBRARIES[name]})"


# What tags begin with; a format such as `{share:.0%}` ends as some do.
TAGS = r"cookiecutter|\{%|\{#|(?<!\$)\{\{"
# What the hooks write: it has the answers, the names of all modules with them.
KEPT_ANSWERS = {"streaming.json", ".cruft.json"}


def rendered_files(project: Path) -> Iterator[Path]:
    return (
        path
        for path in project.rglob("*")
        if path.is_file() and path.relative_to(project).as_posix() not in KEPT_ANSWERS
    )


def test_every_combination_is_there():
    assert len(COMBINATIONS) == 2 ** len(MODULES) - 1


def test_only_the_chosen_modules_and_what_they_need_have_paths(render, combination):
    project = render(**choose(*combination))
    for name in {*MODULES, *PARTS}:
        owned = [path for path in project.rglob("*") if path.stem == name]
        kinds = {path.relative_to(project).parts[0] for path in owned}
        if name in combination:
            assert kinds >= {"src", "docs", "clients", "loadtest", "tests"}
        elif name in parts_of(combination):
            assert kinds >= {"src", "docs", "tests"}
        else:
            assert owned == []


def is_owned(path: str) -> bool:
    return not {PurePath(part).stem for part in path.split("/")}.isdisjoint({*MODULES, *PARTS})


def test_what_neither_a_module_nor_a_part_owns_is_in_every_combination(render, combination):
    project = render(**choose(*combination))
    expected = {
        path.relative_to(PROJECT).as_posix().replace("{{cookiecutter.package_name}}", "my_service")
        for path in source_files()
        if not is_owned(path.relative_to(PROJECT).as_posix())
    }
    found = {path.relative_to(project).as_posix() for path in rendered_files(project)}
    assert {path for path in found if not is_owned(path)} == expected


def test_no_trace_of_the_template_or_of_a_module_that_is_not_there(render, combination):
    project = render(**choose(*combination))
    absent = [trace(name) for name in {*MODULES, *PARTS} - {*combination, *parts_of(combination)}]
    for path in rendered_files(project):
        text = path.read_text(encoding="utf-8")
        is_template = path.suffix == ".jinja"  # of a page that the service itself fills in
        assert not re.search("cookiecutter" if is_template else TAGS, text), path
        for pattern in absent:
            assert not re.search(pattern, text), path
    assert list(dead_links(project.rglob("*.md"))) == []


def test_shared_files_have_no_gaps(render, combination):
    project = render(**choose(*combination))
    for path in rendered_files(project):
        text = path.read_text(encoding="utf-8")
        prose = re.sub(r"```python.*?```", "```", text, flags=re.DOTALL)
        assert "\n\n\n" not in prose or path.suffix == ".py", path
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), path


def test_nothing_but_the_tags_is_altered_by_rendering(render):
    """The literal text of every file comes out as it went in, byte for byte and in order."""
    project = render(package_name="another_name")
    for path in source_files():
        source = path.read_text(encoding="utf-8")
        literal = TAG.sub("\0", RAW.sub("\1", source))
        for raw in RAW.findall(source):
            literal = literal.replace("\1", raw, 1)
        *parts, last = literal.split("\0")
        relative = path.relative_to(PROJECT).as_posix()
        output = project / relative.replace("{{cookiecutter.package_name}}", "another_name")
        left = output.read_text(encoding="utf-8")
        for number, part in enumerate(parts):
            text = part.rstrip()  # a tag may take the space before it along
            begin = left.find(text)
            assert begin >= 0 if number else begin == 0, relative
            left = left[begin + len(text) :]
        assert left.endswith(last) if parts else left == last, relative


NAMES = {
    "two letters": {"project_name": "Zu"},
    "sixty letters": {"project_name": "Q" * 60},
    "digits first": {"project_name": "3D 4 You"},
    "hyphens": {"project_name": "a-b-c", "package_name": "zz_top"},
    "punctuation": {
        "project_name": 'Müller & Söhne\'s "Daten" / 東京',
        "description": """It's "quoted", \\escaped, 100 % & <tagged>; {braces} 'all''.""",
        "author": "Zoë O'Brien-Łukasz 東京 <zoe@example.org>",
    },
}


@pytest.mark.parametrize("answers", NAMES.values(), ids=NAMES.keys())
def test_every_name_gives_a_clean_project(render, run, answers):
    project = render(**answers)
    run(sys.executable, "-m", "ruff", "format", "--check", cwd=project)
    run(sys.executable, "-m", "ruff", "check", "--no-cache", cwd=project)
    run(sys.executable, "-m", "compileall", "-q", "src", "tests", cwd=project)
    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if "author" in answers:
        assert metadata["description"] == answers["description"]
        assert metadata["authors"] == [{"name": answers["author"]}]
