from collections.abc import Callable, Iterator

import pytest

from tests.nginx import H11

ROWS = 3000


@pytest.fixture(scope="module")
def failing_service(serve) -> Iterator[str]:
    app = "tests.modules.batch_export.failing_service:app"
    with serve(app, *H11, DEMO_ROWS=str(ROWS), BATCH_EXPORT_BATCH_ROWS="1000") as server:
        yield server.url


@pytest.fixture
def save(run_clients, tmp_path) -> Callable[[str, str], Iterator]:
    """Save an export in every language; gives what each client has said and its file."""

    def save_export(url: str, format: str) -> Iterator:
        results = run_clients(
            ("python/batch_export.py", url, "--format", format, "--to", "export"),
            ("javascript/batch_export.js", url, format, "export"),
            ("curl/batch_export.sh", url, format, "export"),
        )
        paths = [tmp_path / language / "export" for language in ("python", "javascript", "curl")]
        return zip(results, paths, strict=True)

    return save_export


@pytest.mark.slow
def test_every_byte_of_an_export_arrives(http, save, service, behind_nginx):
    expected = http.get(f"{service}/exports/readings?format=csv").content
    for result, path in save(f"{behind_nginx(service)}/exports/readings", "csv"):
        assert result.returncode == 0, result.stderr
        assert path.read_bytes() == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "format"), [("fails", "jsonl"), ("dies", "jsonl"), ("dies", "parquet")]
)
def test_a_client_refuses_an_export_that_breaks_off_unless_it_is_csv_which_has_no_end(
    save, failing_service, behind_nginx, source, format
):
    for result, path in save(f"{behind_nginx(failing_service)}/exports/{source}", format):
        assert result.returncode != 0
        assert result.stderr
        assert "Traceback" not in result.stderr
        assert not path.exists()
