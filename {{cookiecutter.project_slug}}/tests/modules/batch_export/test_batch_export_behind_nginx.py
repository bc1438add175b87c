from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def failing_service(serve_own) -> Iterator[str]:
    app = "tests.modules.batch_export.failing_service:app"
    with serve_own(app=app, rows=3_000, BATCH_EXPORT_BATCH_ROWS="1000") as server:
        yield server.url


def commands(source: str, format: str) -> list[list[str]]:
    path = f"/exports/{source}"
    return [
        ["python/batch_export.py", path, "--format", format, "--to", "export"],
        ["javascript/batch_export.js", path, format, "export"],
        ["curl/batch_export.sh", path, format, "export"],
    ]


@pytest.mark.slow
def test_every_byte_of_an_export_arrives(http, run_behind_nginx, service):
    expected = http.get(f"{service}/exports/readings?format=csv").content
    for run in run_behind_nginx(service, *commands("readings", "csv")):
        assert run.result.returncode == 0, run
        assert (run.folder / "export").read_bytes() == expected, run


@pytest.mark.slow
@pytest.mark.parametrize(("source", "format"), [("fails", "jsonl"), ("dies", "parquet")])
def test_a_client_refuses_an_export_that_breaks_off_unless_it_is_csv_which_has_no_end(
    run_behind_nginx, failing_service, source, format
):
    for run in run_behind_nginx(failing_service, *commands(source, format), attempts=2):
        assert run.result.returncode != 0, run
        assert run.result.stderr, run
        assert "Traceback" not in run.result.stderr, run
        assert not (run.folder / "export").exists(), run
