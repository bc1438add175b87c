"""The template, as its tests see it."""

import json
import os
import re
from collections.abc import Iterable
from itertools import product
from pathlib import Path

TEMPLATE = Path(__file__).parents[1]
# Where the docs say that the template is.
ADDRESS = "gh:OWNER/cookiecutter-fastapi-streaming"
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
RAW = re.compile(r"\{% raw %\}(.*?)\{% endraw %\}", re.DOTALL)
TAG = re.compile(r"\{%-?(.*?)-?%\}|\{\{(.*?)\}\}|\{#.*?#\}", re.DOTALL)

# The one table of modules, and of the parts that each needs.
DEFINITION = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
MODULES: dict[str, list[str]] = DEFINITION["__modules"]
# In a fixed order: tests are parametrized by them.
PARTS = list(dict.fromkeys(part for parts in MODULES.values() for part in parts))
COMBINATIONS = [
    tuple(module for module, chosen in zip(MODULES, choice, strict=True) if chosen)
    for choice in product((True, False), repeat=len(MODULES))
    if any(choice)
]


# What `make test` and its environment hand down, and a user's shell does not have.
HANDED_DOWN = ("VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


def users_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in HANDED_DOWN}


def choose(*modules: str) -> dict[str, bool]:
    """The answers that choose these modules and no others."""
    return {module: module in modules for module in MODULES}


def parts_of(modules: Iterable[str]) -> set[str]:
    return {part for module in modules for part in MODULES[module]}


def source_files() -> list[Path]:
    ignored = {"__pycache__", ".pytest_cache", ".ruff_cache"}
    return sorted(
        path for path in PROJECT.rglob("*") if path.is_file() and not ignored & set(path.parts)
    )
