"""Mark the copy of the template in which cookiecutter runs this hook: it may be changed.

`pre_gen_project` does so where the project exists already.
"""

from pathlib import Path

Path(".copy-of-the-template").touch()
