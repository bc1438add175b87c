"""What the user has typed: cookiecutter drops answers to questions that there are not without a
word, and tells no hook which answers are only defaults. Both stand in the command of its process.
"""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

# Linux shows there how the process was started that runs a hook.
COMMAND = Path("/proc", str(os.getppid()), "cmdline")
# The options of cookiecutter that a value follows.
WITH_VALUE = ("-c", "--checkout", "--directory", "--replay-file", "-o", "--output-dir")
WITH_VALUE += ("--config-file", "--debug-file", "--accept-hooks")


class Command(NamedTuple):
    answers: list[str]
    """The names of what is answered, which may be misspelt."""

    options: dict[str, str]


def read_command() -> Command | None:
    """The arguments of the cookiecutter that runs this hook; None where they cannot be read.

    That is on other systems than Linux, and where its Python function is called, as cruft does.
    """
    try:
        command = COMMAND.read_text("utf-8").split("\0")
    except (OSError, UnicodeDecodeError):
        return None
    programs = (n for n, word in enumerate(command) if "cookiecutter" in Path(word).parts[-2:])
    return parse(command[first + 1 : -1]) if (first := next(programs, None)) is not None else None


def parse(arguments: list[str]) -> Command:
    words, options, rest = [], {}, iter(arguments)
    for word in rest:
        name, _, value = word.partition("=")
        if name.startswith("-"):
            options[name] = next(rest, "") if word in WITH_VALUE else value
        else:
            words.append(name)
    return Command(words[1:], options)  # the first is the template


def named(command: Command, questions: Collection[str]) -> list[str]:
    """The questions that somebody has answered, and not a default alone."""
    options = command.options
    if "--no-input" not in options:  # somebody was asked, or has been before
        return list(questions)
    config = options.get("--config-file") or os.environ.get("COOKIECUTTER_CONFIG", "")
    file = Path(os.environ.get("PWD", ""), config)  # cookiecutter itself is elsewhere by now
    text = file.read_text("utf-8") if file.is_file() else ""
    kept = re.findall(r"""(\w+)["']?\s*:""", text)  # JSON or YAML
    return [name for name in questions if name in {*command.answers, *kept}]
