"""Whether a service can be started with the settings that it has: a line for each that is wrong."""

import multiprocessing
import os
import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import SettingsError

from .settings import EnvironmentSettings

PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")
LONGEST_VALUE = 100


@cache
def check_settings() -> None:
    """Look at every setting that anything imported so far has.

    Raises `SystemExit` with what is wrong; a name that no setting has is a warning only.
    """
    classes = EnvironmentSettings.__subclasses__()
    if multiprocessing.parent_process() is None:  # otherwise it has said so
        for unknown in unknown_names(classes):
            print(f"Warning: {unknown}", file=sys.stderr)
    if wrong := list(wrong_values(classes)):
        raise SystemExit("\n".join(wrong))


def names_of(settings: type[EnvironmentSettings]) -> dict[str, str]:
    """The variable of the environment for each field."""
    prefix = settings.model_config.get("env_prefix", "")
    return {field: f"{prefix}{field}".upper() for field in settings.model_fields}


def wrong_values(classes: list[type[EnvironmentSettings]]) -> Iterator[str]:
    for settings in classes:
        try:
            settings()
        except ValidationError as error:
            for fault in error.errors():
                field = str(fault["loc"][0])
                reason = fault["msg"].removeprefix("Value error, ")
                yield f"{names_of(settings).get(field, field)}{_show(fault['input'])}: {reason}."
        except SettingsError as error:  # no JSON, where that is expected
            field = re.findall(r'"(\w+)"', str(error))[0]
            yield f"{names_of(settings)[field]}: The value is not valid JSON."


def unknown_names(classes: list[type[EnvironmentSettings]]) -> Iterator[str]:
    """Variables that begin as ours do, and are none of ours: most likely misspelt."""
    known = {name for settings in classes for name in names_of(settings).values()}
    prefixes = tuple(filter(None, (each.model_config.get("env_prefix") for each in classes)))
    for name in sorted({name.upper() for name in (*os.environ, *dotenv_values(".env"))} - known):
        if name.startswith(prefixes):
            close = get_close_matches(name, known, 1)
            yield f"{name} is no setting" + (f"; is it {close[0]}?" if close else ".")


def _show(value: object) -> str:
    text = PASSWORD.sub("***@", str(value))
    return f"={text[:LONGEST_VALUE]}{'…' if len(text) > LONGEST_VALUE else ''}"
