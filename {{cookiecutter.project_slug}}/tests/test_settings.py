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


def setting_names() -> Iterator[str]:
    """The environment variable of every setting of the package."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.endswith(".settings"):
            import_module(module.name)
    for settings in EnvironmentSettings.__subclasses__():
        yield from names_of(settings).values()


def test_the_example_has_every_setting_and_no_other():
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE)
    assert sorted(named) == sorted(setting_names())
