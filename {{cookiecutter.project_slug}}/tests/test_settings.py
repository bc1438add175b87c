import os
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import {{ cookiecutter.package_name }} as package
from {{ cookiecutter.package_name }}.streaming.configuration import (
    names_of,
)
from {{ cookiecutter.package_name }}.streaming.settings import (
    EnvironmentSettings,
)

PROJECT = Path(__file__).parents[1]
TABLE = re.compile(r"(<!-- settings: (\w+) -->\n)((?:\n(?:\|.*\n)+)?)")


def setting_classes() -> list[type[EnvironmentSettings]]:
    """All that the package has."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.endswith(".settings"):
            import_module(module.name)
    classes = EnvironmentSettings.__subclasses__()
    return [each for each in classes if each.__module__.startswith(f"{package.__name__}.")]


def setting_names() -> Iterator[str]:
    """The environment variable of every setting of the package."""
    for settings in setting_classes():
        yield from names_of(settings).values()


def test_the_example_has_every_setting_and_no_other():
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE)
    assert sorted(named) == sorted(setting_names())


def table_of(settings: type[EnvironmentSettings]) -> str:
    rows = ["| setting | default | what |", "| --- | --- | --- |"]
    for field, name in names_of(settings).items():
        about = settings.model_fields[field]
        assert about.description, name
        rows.append(f"| `{name}` | {shown(about.default)} | {about.description} |")
    return "\n".join(rows) + "\n"


def shown(default: object) -> str:
    """As it would stand in the environment."""
    if default is None or default == ():
        return "none"
    return str(default).lower() if isinstance(default, bool) else f"{default}"


def test_the_docs_have_a_table_of_each_class_of_settings():
    """`UPDATE_DOCS=1` writes them anew."""
    tables = {settings.__name__: table_of(settings) for settings in setting_classes()}
    found = []
    for page in sorted(PROJECT.glob("docs/**/*.md")):
        text = page.read_text(encoding="utf-8")
        real = TABLE.sub(lambda found: f"{found[1]}\n{tables[found[2]]}", text)
        if os.environ.get("UPDATE_DOCS") == "1":
            page.write_text(real, encoding="utf-8")
            text = real
        assert text == real, page
        found += [name for _, name, _ in TABLE.findall(text)]
    assert sorted(found) == sorted(tables)
