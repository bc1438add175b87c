"""A service and its workers, with a transform that fails and sources that are slow or fail.

`python -m tests.modules.batch_export.shared_service` is such a worker.
"""

from {{ cookiecutter.package_name }}.modules.batch_export import (
    worker,
)

from tests.modules.batch_export.jobs_service import app, source
from tests.modules.batch_export.strange_transforms import fail_later

__all__ = ["app"]


source.TRANSFORMS["live"] = fail_later

if __name__ == "__main__":
    worker.main()
