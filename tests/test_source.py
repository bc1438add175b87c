"""The template's own files: what the template language may do in them, and where."""

import re
from pathlib import Path

import pytest

from template import MODULES, PROJECT, RAW, TAG, TEMPLATE, source_files

CONTROL_TAGS_MAY_BE_IN = {
    "README.md",
    "pyproject.toml",
    ".env.example",
}
# What Windows refuses in the name of a file, and `{{cookiecutter.…}}` does not need.
ILLEGAL_ON_WINDOWS = re.compile(r'[<>:"|?*\\]|[ .]$')


def tags(path: Path) -> list[str]:
    text = RAW.sub("", path.read_text(encoding="utf-8"))
    return [(control or expression).strip() for control, expression in TAG.findall(text)]


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_the_template_language_is_where_it_may_be(path: Path):
    relative = path.relative_to(PROJECT).as_posix()
    found = tags(path)
    if relative in CONTROL_TAGS_MAY_BE_IN:
        controls = {f"if cookiecutter.{module}" for module in MODULES} | {"endif"}
        simple = [part for tag in found for part in tag.replace(" or ", " | if ").split(" | ")]
        assert all(
            tag in controls or tag.startswith(("cookiecutter.", "replace(")) for tag in simple
        )
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


def test_a_module_does_not_import_another_nor_the_core_a_module():
    package = PROJECT / "src" / "{{cookiecutter.package_name}}"
    for module in MODULES:
        for path in (package / "modules" / module).rglob("*.py"):
            imports = re.findall(r"^from (\.+[\w.]*) import", path.read_text("utf-8"), re.MULTILINE)
            outward = {name for name in imports if name.startswith("..")}
            assert all(name.startswith("...streaming") for name in outward), path
    for path in (package / "streaming").rglob("*.py"):
        assert "modules" not in path.read_text("utf-8"), path
