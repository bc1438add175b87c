"""Leave only the chosen modules, and say what is there and how to go on.

A module owns every path that has a component whose stem is the module's name.
"""

import json
import shutil
import sys
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | jsonify }}""")

MODULES = ("file_download", "sse", "jsonl", "batch_export")


def prune(folder, stem):
    for path in folder.iterdir():
        if path.stem == stem:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif path.is_dir():
            prune(path, stem)


chosen = [module for module in MODULES if ANSWERS[module]]
left_out = [module for module in MODULES if not ANSWERS[module]]
for module in left_out:
    prune(Path.cwd(), module)

# A Windows console cannot print every name.
sys.stdout.reconfigure(errors="backslashreplace")  # ty: ignore[missing-union-attribute]
print(f"\n{ANSWERS['project_name']} is in {Path.cwd()}")
print(f"  modules:  {', '.join(chosen)}")
if left_out:
    print(f"  left out: {', '.join(left_out)}")
print("\nIn that folder:")
print("  make run    starts it at http://127.0.0.1:8000")
print("  make test   runs its tests")
