import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from pydantic_settings import BaseSettings

import {{ cookiecutter.package_name }} as package

PROJECT = Path(__file__).parents[1]


def setting_names() -> Iterator[str]:
    """The environment variable of every setting of the package."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.endswith(".settings"):
            for settings in vars(import_module(module.name)).values():
                if isinstance(settings, type) and BaseSettings in settings.__bases__:
                    prefix = settings.model_config.get("env_prefix", "")
                    yield from (f"{prefix}{field}".upper() for field in settings.model_fields)


def test_the_example_has_every_setting_and_no_other():
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE)
    assert sorted(named) == sorted(setting_names())
