from pathlib import Path

import httpx2
import pytest

FORMATS = ["csv", "jsonl", "parquet", "arrow"]


@pytest.fixture
def url(service: str) -> str:
    return f"{service}/exports/readings"


def expected(http: httpx2.Client, url: str, format: str) -> bytes:
    return http.get(url, params={"format": format, "end": "true"}).content


@pytest.mark.parametrize("format", FORMATS)
def test_the_python_client_saves_every_format(http, run_client, url, format, tmp_path):
    result = run_client("python/batch_export.py", url, "--format", format)
    check_saved(result, tmp_path / f"readings.{format}", expected(http, url, format))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("client", ["javascript/batch_export.js", "curl/batch_export.sh"])
def test_the_other_clients_save_every_format(http, run_client, url, client, format, tmp_path):
    result = run_client(client, url, format)
    check_saved(result, tmp_path / f"readings.{format}", expected(http, url, format))


def check_saved(result, path: Path, content: bytes) -> None:
    assert result.returncode == 0, result.stderr
    assert path.read_bytes() == content
    assert result.stderr.splitlines()[-1] == f"Saved {path.name} ({len(content)} bytes)"
    assert not path.with_name(f"{path.name}.part").exists()


@pytest.mark.parametrize(
    "client",
    ["python/batch_export.py", "javascript/batch_export.js", "curl/batch_export.sh"],
)
def test_a_client_that_is_refused_saves_no_file(run_client, service, client, tmp_path):
    result = run_client(client, f"{service}/exports/nope")
    assert result.returncode != 0
    assert '"status":404' in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("format", ["jsonl", "parquet", "arrow"])
def test_no_client_takes_a_part_for_the_whole(run_client, cut_off, format, tmp_path):
    url = cut_off(3, after=200_000) + "/exports/readings"
    results = [
        run_client("python/batch_export.py", url, "--format", format),
        run_client("javascript/batch_export.js", url, format),
        run_client("curl/batch_export.sh", url, format),
    ]
    assert all(result.returncode != 0 for result in results)
    assert not (tmp_path / f"readings.{format}").exists()


@pytest.mark.slow
def test_the_javascript_client_reads_an_export_in_a_browser(http, in_browser, url):
    script = """
        const options = { format: "jsonl" };
        let bytes = 0;
        for await (const chunk of client.exportChunks(`${service}/exports/readings`, options)) {
          bytes += chunk.length;
        }
        return bytes;
    """
    assert in_browser("batch_export.js", script) == len(expected(http, url, "jsonl"))


@pytest.mark.slow
def test_the_load_test_runs_without_a_failure(run_load_test):
    assert "/exports" in run_load_test("batch_export.py")
