"""A service and its workers, with a transform that fails and sources that are slow or fail.

`python -m tests.modules.batch_export.shared_service` is such a worker.
"""

import pyarrow as pa

from {{ cookiecutter.package_name }}.modules.batch_export import (
    worker,
)

from tests.modules.batch_export.jobs_service import app, source

__all__ = ["app"]


def fail_later(batch: pa.RecordBatch) -> pa.RecordBatch:
    if len(batch) and batch["id"][0].as_py() > 30_000:
        raise LookupError("nothing is known of this")
    return batch


source.TRANSFORMS["live"] = fail_later

if __name__ == "__main__":
    worker.main()
