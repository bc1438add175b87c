"""A team with its own tables deletes the demo and the console, and its service passes its gates."""

import shutil

import pytest

from template import choose
from test_suites import environment

__all__ = ["environment"]

SOURCE = """from .table import Table

TABLES = {"orders": Table("orders", key="id")}
"""
# Clients, proxies and bursts meet the engine's own tables elsewhere.
SUITES = "tests/records tests/modules --ignore=tests/records/test_types.py -m 'not slow' -k 'not clients and not nginx and not burst'"


@pytest.mark.slow
@pytest.mark.unix
def test_no_engine_test_needs_the_source_that_it_came_with(render, run, uv, environment):
    project = render(**choose("jsonl", "batch_export"))
    package = project / "src" / "my_service"
    (package / "records" / "source.py").write_text(SOURCE, encoding="utf-8")
    for name in ("demo", "console"):
        shutil.rmtree(package / name)
        shutil.rmtree(project / "tests" / name)
    settings = {"UV": uv, "UV_PROJECT_ENVIRONMENT": str(environment)}
    run("make", "check", cwd=project, **settings)
    result = run("make", "test", f"ARGS={SUITES}", cwd=project, **settings)
    assert " failed" not in result.stdout
    assert "passed" in result.stdout
