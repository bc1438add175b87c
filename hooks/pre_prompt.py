"""Refuse an answer that cookiecutter would drop, and note what was answered for the other hooks.

The note is in the copy of the template in which cookiecutter runs this hook, and marks it as one:
it may be changed. `pre_gen_project` does so where the project exists already.
"""

import json
import os
import shutil
import sys
from difflib import get_close_matches
from pathlib import Path

from command_line import named, read_command

FOLDER = "(cookiecutter.project_slug|replace('%c'|format(47),'')).strip('.')or'-'"
QUESTIONS = json.loads(Path("cookiecutter.json").read_text("utf-8"))
command = read_command()
for name in command.answers if command else ():
    if name not in QUESTIONS:
        close = get_close_matches(name, QUESTIONS, 1)
        shutil.rmtree(Path.cwd().parent, ignore_errors=True)
        sys.exit(
            f"{name} is no question of this template" + (f"; is it {close[0]}?" if close else ".")
        )
if os.name == "posix":
    # Where `a/b` is refused, cookiecutter deletes `b` alone; `.` it refuses by itself, and leaves
    # its copy of the template behind. A slug that is allowed names the same folder as before.
    folder = next(path for path in Path.cwd().iterdir() if path.name.startswith("{" * 2))
    folder.rename("{" * 2 + FOLDER + "}" * 2)
note = named(command, QUESTIONS) if command else None
Path(".copy-of-the-template").write_text(json.dumps(note), encoding="utf-8")
