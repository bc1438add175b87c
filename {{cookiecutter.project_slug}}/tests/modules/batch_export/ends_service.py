"""The service with exports that break off, whoever is to blame."""

from tests.modules.batch_export.jobs_service import app, source
from tests.modules.batch_export.strange_transforms import fail_later

__all__ = ["app"]

source.TRANSFORMS["transformed"] = fail_later
