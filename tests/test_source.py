"""The template's own files: what the template language may do in them, and where."""

import re
from pathlib import Path

import pytest

from template import MODULES, PARTS, PROJECT, RAW, TAG, TEMPLATE, source_files

CONTROL_TAGS_MAY_BE_IN = {
    "README.md",
    "pyproject.toml",
    "zensical.toml",
    ".env.example",
    "docs/index.md",
}
PAGES_OF_ALL_MODULES = "docs/guides/"
# What Windows refuses in the name of a file, and `{{cookiecutter.…}}` does not need.
ILLEGAL_ON_WINDOWS = re.compile(r'[<>:"|?*\\]|[ .]$')


def tags(path: Path) -> list[str]:
    text = RAW.sub("", path.read_text(encoding="utf-8"))
    return [(control or expression).strip() for control, expression in TAG.findall(text)]


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_the_template_language_is_where_it_may_be(path: Path):
    relative = path.relative_to(PROJECT).as_posix()
    found = tags(path)
    if relative in CONTROL_TAGS_MAY_BE_IN or relative.startswith(PAGES_OF_ALL_MODULES):
        controls = {f"if cookiecutter.{module}" for module in MODULES} | {"endif"}
        controls |= {f"if '{part}' in parts" for part in PARTS}
        simple = [part for tag in found for part in tag.replace(" or ", " | if ").split(" | ")]
        named = ("cookiecutter.", "replace(", "set ", "selectattr(", "map(", "list", "sum(")
        assert all(tag in controls or tag.startswith(named) for tag in simple)
    elif relative == "LICENSE":
        assert found == ["cookiecutter.author"]
    elif "/{{cookiecutter.package_name}}/" in relative:
        assert found == []  # inside the package, imports are relative
    else:
        assert set(found) <= {"cookiecutter.package_name"}


def test_no_name_is_illegal_on_windows():
    for path in source_files():
        for part in path.relative_to(TEMPLATE).parts:
            assert not ILLEGAL_ON_WINDOWS.search(part.replace("{{cookiecutter.", "")), path


def test_every_line_ends_with_a_line_feed_alone():
    for path in source_files():
        content = path.read_bytes()
        assert b"\r" not in content, path
        assert content == b"" or content.endswith(b"\n"), path


PACKAGE = PROJECT / "src" / "{{cookiecutter.package_name}}"
# What each folder of the package may import of the package, beside itself.
MAY_IMPORT = {
    "streaming": set(),
    **{part: {"streaming"} for part in PARTS},
    **{f"modules/{name}": {"demo", "streaming", *parts} for name, parts in MODULES.items()},
    "demo": {*PARTS, "streaming"},
}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_lead_from_modules_to_parts_to_the_core_and_never_back(folder):
    for path in (PACKAGE / folder).rglob("*.py"):
        here = path.relative_to(PACKAGE).parts[:-1]
        # A part's source reads the demo's data, as that of a module does.
        allowed = MAY_IMPORT[folder] | ({"demo"} if path.name == "source.py" else set())
        for dots, name in re.findall(
            r"^from (\.+)([\w.]*) import", path.read_text("utf-8"), re.MULTILINE
        ):
            target = "/".join((*here[: len(here) - len(dots) + 1], *filter(None, name.split("."))))
            is_own = f"{target}/".startswith(f"{folder}/")
            assert is_own or target.split("/")[0] in allowed, f"{path}: {dots}{name}"
