"""The service is looked into while a scenario loads it."""

import shutil
import sys

import pytest

from loadtest.profiling import MODULES
from tests.streaming.fixtures import PROJECT

MODULE = MODULES[0]


@pytest.fixture
def profile(run, tmp_path):
    shutil.copytree(PROJECT / "loadtest", tmp_path / "loadtest")
    command = [sys.executable, "-m", "loadtest.profiling", "--module", MODULE, "--seconds", "3"]
    return lambda kind, path: run(*command, "--of", kind, env={"DEMO_ROWS": "1000", "PATH": path})


@pytest.mark.slow
@pytest.mark.alone
def test_the_time_becomes_a_flame_graph(profile, tmp_path):
    result = profile("time", f"{sys.prefix}/bin")
    assert result.returncode == 0, result.stdout + result.stderr
    graph = (tmp_path / "loadtest" / "profiles" / f"{MODULE}-time.svg").read_text(encoding="utf-8")
    assert "Server.run (uvicorn/server.py" in graph


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="needs no debugger")
def test_what_is_missing_is_said(profile):
    assert "needs gdb or lldb, or Python 3.14" in profile("memory", "").stderr
