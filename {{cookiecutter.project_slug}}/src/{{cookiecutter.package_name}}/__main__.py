import pkgutil
import sys
from importlib import import_module
from importlib.util import find_spec

from . import modules
from .streaming.__main__ import PACKAGE, main


def find_worker() -> str | None:
    """The `worker.py` of the module that has one: `python -m PACKAGE worker` runs it."""
    names = (module.name for module in pkgutil.iter_modules(modules.__path__))
    workers = (f"{modules.__name__}.{name}.worker" for name in names)
    return next(filter(find_spec, workers), None)


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"] and (worker := find_worker()):
        import_module(worker).main()
    else:
        main(PACKAGE)
